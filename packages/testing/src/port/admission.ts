import { describe, expect, it } from 'vitest';

import type { Acl } from '@portcall/port';

import type { TransportUnderTest } from '../transports.js';
import { rejectionOf } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { echo } from './messages.js';
import { PORT_NAME, usePortWorld } from './port-world.js';

/** Long enough for a busy server to be asked again, short enough to wait for. */
const BUSY_MS = 60;

/** Who gets in: rules, places, limits, options. */
export function describeAdmission(subject: TransportUnderTest): void {
  describeAcl(subject);
  describePlaces(subject);
  describeAttributes(subject);
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
    [
      'allow by a predicate that throws, allow all',
      [{ action: 'allow', predicate: broken }, { action: 'allow' }],
      false,
      true,
    ],
  ];
}

function describeAcl(subject: TransportUnderTest): void {
  describe('access control list', () => {
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

    it('states the peer at both ends where the kernel does', async () => {
      const { client, accepted } = await world.pair();
      const known = { pid: process.pid, uid: process.geteuid?.(), gid: process.getegid?.() };
      for (const port of [client, accepted]) {
        expect(port.capabilities.identity).toBe(subject.hasIdentity);
        if (subject.hasIdentity) expect(port.peer).toMatchObject(known);
        else expect(port.peer).toBe(undefined);
      }
    });
  });
}

function describePlaces(subject: TransportUnderTest): void {
  describe('places', () => {
    const world = usePortWorld(subject);

    it('are limited by maxConnections, and free again after close', async () => {
      await world.createPort({ attributes: { maxConnections: 2 }, onMessage: echo });
      const first = await world.connect();
      const second = await world.connect();
      const error = await expectCode(
        world.connect({ attributes: { handshakeTimeoutMs: BUSY_MS } }),
        'SERVER_BUSY',
      );
      expect(error.retryAfterMs).toBeGreaterThan(0);
      expect(error.executed).toBe('no');
      await second.request(new Uint8Array(1)); // Those inside do not notice.
      await first.close();
      await world.connect();
    });

    it('are limited by maxConnectionsPerUid', async () => {
      await world.createPort({ attributes: { maxConnectionsPerUid: 1 } });
      await world.connect();
      await expectCode(
        world.connect({ attributes: { handshakeTimeoutMs: BUSY_MS } }),
        'SERVER_BUSY',
      );
    });

    it('can be waited for: a busy server is asked again', async () => {
      await world.createPort({ attributes: { maxConnections: 1 } });
      const first = await world.connect();
      const second = world.connect();
      await first.close();
      await second;
    });

    it('stay free when the server refuses', async () => {
      let refuses = true;
      await world.createPort({
        attributes: { maxConnections: 1 },
        onConnect: (request) => {
          if (refuses) request.reject();
          else request.accept();
        },
      });
      for (let count = 0; count < 3; count++) {
        await expectCode(world.connect(), 'CONNECTION_REFUSED');
      }
      refuses = false;
      await world.connect();
    });

    it('are not waited for by a caller that gives up', async () => {
      await world.createPort({ attributes: { maxConnections: 1 } });
      await world.connect();
      const aborter = new AbortController();
      const canceled = expectCode(world.connect({ signal: aborter.signal }), 'CANCELED');
      setImmediate(() => aborter.abort());
      await canceled;
    });
  });
}

function describeAttributes(subject: TransportUnderTest): void {
  describe('attributes', () => {
    const world = usePortWorld(subject);

    it('are of each the smaller value, at both ends', async () => {
      const { client, accepted } = await world.pair({
        server: { attributes: { maxMessageLength: 1000, inlineLimit: 900, maxQueuedMessages: 7 } },
        client: { attributes: { maxMessageLength: 2000, inlineLimit: 800, maxPoolUsage: 6000 } },
      });
      const wanted = {
        maxMessageLength: 1000,
        inlineLimit: 800,
        maxQueuedMessages: 7,
        maxPoolUsage: 6000,
        maxConnectInfo: 4096,
      };
      expect(client.attributes).toMatchObject(wanted);
      expect(accepted.attributes).toEqual(client.attributes);
    });

    it.each([
      ['0', { maxMessageLength: 0 }],
      ['negative', { inlineLimit: -1 }],
      ['fractional', { maxPoolUsage: 1.5 }],
      ['NaN', { maxQueuedMessages: Number.NaN }],
      ['over 2 GiB', { maxSectionSize: 2 ** 31 }],
      ['over 60 KiB of connect info', { maxConnectInfo: 60 * 1024 + 1 }],
    ])('are a RangeError when one is %s', async (_, attributes) => {
      const [created, connected] = [
        world.createPort({ attributes }),
        world.connect({ attributes }),
      ];
      expect(await rejectionOf('createPort', created)).toBeInstanceOf(RangeError);
      expect(await rejectionOf('connectPort', connected)).toBeInstanceOf(RangeError);
    });

    it.each([0, 2048, 5000, 2 ** 25, Number.NaN])(
      'ringBytes of %s are a RangeError at both ends, at once',
      async (ringBytes) => {
        const server = await rejectionOf('createPort', world.createPort({ ringBytes }));
        expect(server).toBeInstanceOf(RangeError);
        await world.createPort();
        const client = await rejectionOf('connectPort', world.connect({ ringBytes }));
        expect(client).toBeInstanceOf(RangeError);
      },
    );

    it('state name and transport', async () => {
      const { server, client, accepted } = await world.pair();
      expect(server.name).toBe(PORT_NAME);
      expect([server.transportName, client.transportName, accepted.transportName]).toEqual([
        subject.name,
        subject.name,
        subject.name,
      ]);
      expect(server.fallbackReason).toBe(undefined);
    });
  });
}
