import { describe, expect, it } from 'vitest';

import { explainAcl, type Acl, type PeerIdentity } from '@portcall/port';

import { bytesText, textBytes } from '../bytes.js';
import type { TransportUnderTest } from '../transports.js';
import { rejectionOf, waitUntil, within } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

const SOMEBODY: PeerIdentity = {
  pid: 5,
  uid: 1,
  gid: 1,
  groups: [],
  startTime: 9,
  exe: undefined,
  namespaces: undefined,
  source: 'connect',
};

/** Who may connect, who may call, and what happens when that changes. */
export function describeAccess(subject: TransportUnderTest): void {
  describeLists(subject);
  describeRights(subject);
  describeChanges(subject);
}

/** Own uid, and what each list of rules says of it: with a known peer, and with an unknown one. */
function aclTable(): readonly (readonly [string, Acl, boolean, boolean])[] {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  const broken = (): boolean => {
    throw new Error('planned failure of a predicate');
  };
  return [
    ['no rule', [], false, false],
    ['allow all', [{ action: 'allow' }], true, true],
    ['deny all', [{ action: 'deny' }], false, false],
    ['deny all before allow all', [{ action: 'deny' }, { action: 'allow' }], false, false],
    ['allow all before deny all', [{ action: 'allow' }, { action: 'deny' }], true, true],
    ['allow own uid', [{ action: 'allow', uid }], true, false],
    ['allow another uid', [{ action: 'allow', uid: uid + 1 }], false, false],
    ['deny own uid, allow all', [{ action: 'deny', uid }, { action: 'allow' }], false, false],
    [
      'deny another uid, allow all',
      [{ action: 'deny', uid: uid + 1 }, { action: 'allow' }],
      true,
      false,
    ],
    ['allow own gid', [{ action: 'allow', gid }], true, false],
    ['allow own uid with another gid', [{ action: 'allow', uid, gid: gid + 1 }], false, false],
    ['allow own program', [{ action: 'allow', exe: process.execPath }], true, false],
    ['allow another program', [{ action: 'allow', exe: '/bin/false' }], false, false],
    [
      'allow who shares our namespaces',
      [{ action: 'allow', sameNamespaces: ['pid', 'mnt', 'user'] }],
      true,
      false,
    ],
    ['allow by predicate', [{ action: 'allow', predicate: (peer) => peer.pid > 0 }], true, false],
    [
      'allow by a predicate that says no',
      [{ action: 'allow', predicate: () => false }],
      false,
      false,
    ],
    ['allow by a predicate that throws', [{ action: 'allow', predicate: broken }], false, false],
    [
      'deny by a predicate that throws, allow all',
      [{ action: 'deny', predicate: broken }, { action: 'allow' }],
      false,
      false,
    ],
    ['allow other rights only', [{ action: 'allow', rights: ['call', 'admin'] }], false, false],
    ['allow to connect only', [{ action: 'allow', rights: ['connect'] }], true, true],
    [
      'deny other rights, allow all',
      [{ action: 'deny', rights: ['admin'] }, { action: 'allow' }],
      true,
      true,
    ],
  ];
}

function describeLists(subject: TransportUnderTest): void {
  describe('port 8, access: a list', () => {
    const world = usePortWorld(subject);

    it.each(aclTable())('%s', async (_, acl, admitsKnown, admitsUnknown) => {
      let asked = 0;
      await world.createPort({
        acl,
        onConnect: (request) => {
          asked++;
          request.accept();
        },
      });
      if (subject.hasIdentity ? admitsKnown : admitsUnknown) {
        await world.connect();
        expect(asked).toBe(1);
        return;
      }
      const error = await expectCode(world.connect(), 'ACCESS_DENIED');
      expect(error.executed).toBe('no');
      expect(asked).toBe(0);
    });

    it('admits the user of the process when there is none', async () => {
      await world.createPort();
      await world.connect();
    });

    it.each([
      ['no array', {}],
      ['an unknown action', [{ action: 'permit' }]],
      ['a misspelt condition', [{ action: 'allow', user: 0 }]],
      ['a condition without a value', [{ action: 'allow', uid: undefined }]],
      ['an unknown right', [{ action: 'allow', rights: ['read'] }]],
      ['an unknown namespace', [{ action: 'allow', sameNamespaces: ['net'] }]],
      ['a uid that is none', [{ action: 'allow', uid: -1 }]],
    ])('that has %s is a TypeError', async (_, list) => {
      const acl = list as unknown as Acl;
      const error = await rejectionOf('createPort', world.createPort({ acl }));
      expect(error).toBeInstanceOf(TypeError);
      const server = await world.createPort();
      expect(() => server.setAcl(acl)).toThrow(TypeError);
      await world.connect(); // The list before is still in place.
    });

    it('says which entry decides, in order', () => {
      const peer = { ...SOMEBODY, uid: 1, gid: 2, groups: [3] };
      const acl: Acl = [
        { action: 'deny', uid: 7 },
        { action: 'allow', gid: 3, rights: ['call'] },
        { action: 'deny', uid: 1 },
        { action: 'allow' },
      ];
      expect(explainAcl(acl, peer, { right: 'call' })).toMatchObject({ granted: true, entry: 1 });
      expect(explainAcl(acl, peer)).toMatchObject({ granted: false, entry: 2 });
      expect(explainAcl(acl, { ...peer, uid: 8, groups: [] })).toMatchObject({ entry: 3 });
      expect(explainAcl([], peer)).toMatchObject({ granted: false, reason: 'no match' });
    });
  });
}

function describeRights(subject: TransportUnderTest): void {
  describe('port 8, access: rights', () => {
    const world = usePortWorld(subject);
    const acl: Acl = [{ action: 'allow', rights: ['connect'] }];

    it('without "call" has requests refused, before any handler', async () => {
      const { held, onMessage } = holding();
      const { client, accepted } = await world.pair({ server: { acl, onMessage } });
      for (let round = 0; round < 3; round++) {
        const error = await expectCode(client.request(textBytes('?')), 'ACCESS_DENIED');
        expect(error.executed).toBe('no');
      }
      expect(held.length).toBe(0);
      expect(accepted.statistics.refused).toBe(3);
    });

    it('without "call" ends the connection of who sends datagrams', async () => {
      const { held, onMessage } = holding();
      const { client, accepted } = await world.pair({ server: { acl, onMessage } });
      await client.send(textBytes('.'));
      const wanted = { reason: 'closed', status: 'ACCESS_DENIED' };
      expect(await within('the end', client.closed)).toEqual(wanted);
      await within('the other end', accepted.closed);
      expect(held.length).toBe(0);
    });

    it('without "call" still lets the server call the client', async () => {
      const { accepted } = await world.pair({ server: { acl }, client: { onMessage: echo } });
      expect(bytesText(await accepted.request(textBytes('down')))).toBe('down');
    });

    it('"admin" is not among those that an entry gives unless it says so', async () => {
      const answer = (list: Acl): boolean => explainAcl(list, SOMEBODY, { right: 'admin' }).granted;
      expect(answer([{ action: 'allow' }])).toBe(false);
      expect(answer([{ action: 'allow', rights: ['admin'] }])).toBe(true);
      expect(answer([{ action: 'deny' }, { action: 'allow', rights: ['admin'] }])).toBe(false);
    });
  });
}

function describeChanges(subject: TransportUnderTest): void {
  describe('port 8, access: setAcl()', () => {
    const world = usePortWorld(subject);

    it('ends live connections that are not admitted any more, as ACCESS_DENIED', async () => {
      const { server, client, accepted } = await world.pair({ server: { onMessage: echo } });
      const other = await world.connect();
      await client.request(textBytes('before'));
      server.setAcl([]);
      for (const port of [client, other]) {
        const closed = await within('the end', port.closed);
        expect(closed).toEqual({ reason: 'closed', status: 'ACCESS_DENIED' });
      }
      expect(await accepted.closed).toEqual({ reason: 'local', status: 'ACCESS_DENIED' });
      await waitUntil('no connection', () => server.connections.size === 0);
      await expectCode(world.connect(), 'ACCESS_DENIED');
    });

    it('lets in those that it admits from now on', async () => {
      const server = await world.createPort({ acl: [], onMessage: echo });
      await expectCode(world.connect(), 'ACCESS_DENIED');
      server.setAcl([{ action: 'allow' }]);
      const client = await world.connect();
      expect(bytesText(await client.request(textBytes('in')))).toBe('in');
    });

    it('takes the right to call away from live connections, and gives it back', async () => {
      const { server, client } = await world.pair({ server: { onMessage: echo } });
      await client.request(textBytes('may'));
      server.setAcl([{ action: 'allow', rights: ['connect'] }]);
      const error = await expectCode(client.request(textBytes('may not')), 'ACCESS_DENIED');
      expect(error.executed).toBe('no');
      server.setAcl([{ action: 'allow' }]);
      expect(bytesText(await client.request(textBytes('may again')))).toBe('may again');
    });

    it('delivers what was sent before to a connection that it ends', async () => {
      const { held, onMessage } = holding();
      const { server, client } = await world.pair({
        server: { onMessage: echo },
        client: { onMessage },
      });
      const [accepted] = server.connections;
      await accepted!.send(textBytes('before'));
      server.setAcl([{ action: 'deny' }]);
      await within('the end', client.closed);
      expect(held.map(({ data }) => bytesText(data))).toEqual(['before']);
    });

    it.skipIf(!subject.hasIdentity)(
      `judges live connections by who they are${subject.hasIdentity ? '' : ' (nobody is known)'}`,
      async () => {
        const { server, client } = await world.pair({ server: { onMessage: echo } });
        const uid = process.geteuid?.() ?? 0;
        server.setAcl([
          { action: 'deny', uid: uid + 1 },
          { action: 'allow', uid },
        ]);
        expect(bytesText(await client.request(textBytes('still')))).toBe('still');
        server.setAcl([{ action: 'deny', uid }, { action: 'allow' }]);
        expect(await within('the end', client.closed)).toMatchObject({ status: 'ACCESS_DENIED' });
      },
    );
  });
}
