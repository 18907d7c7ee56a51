import { describe, expect, it } from 'vitest';

import type {
  ClaimedIdentity,
  CommunicationPort,
  PeerIdentity,
  PortMessage,
  SecurityQos,
  SecurityToken,
} from '@portcall/port';

import { textBytes } from '../bytes.js';
import { ownFacts } from '../process-facts.js';
import type { PortNodeCommands } from '../programs/port-node.js';
import { spawnProgram, type Program } from '../spawn-program.js';
import { because, type TransportUnderTest } from '../transports.js';
import { waitUntil } from '../wait-until.js';
import { expectCode, expectThrownCode } from './expect-error.js';
import { holding } from './held-messages.js';
import { PORT_NAME, usePortWorld } from './port-world.js';

/** Ids that no user and no group of this machine has; not the overflow ones either. */
const SOMEBODY = 64_011;

/** How a client lets itself be known, and what a server may do with that. */
export function describeSecurity(subject: TransportUnderTest): void {
  describeLevels(subject);
  describeImpersonation(subject);
  describeTokens(subject);
  describeTracking(subject);
}

function describeLevels(subject: TransportUnderTest): void {
  describe('port 7, security: levels', () => {
    const world = usePortWorld(subject);

    it('is identify and static when nobody says otherwise', async () => {
      const { accepted } = await world.pair();
      const { level, tracking } = accepted.security;
      expect([level, tracking]).toEqual(['identify', 'static']);
    });

    it.each([
      ['anonymous', 'impersonate', 'anonymous'],
      ['identify', 'impersonate', 'identify'],
      ['impersonate', 'impersonate', 'impersonate'],
      ['impersonate', 'identify', 'identify'],
      ['impersonate', 'anonymous', 'anonymous'],
    ] as const)(
      'client %s, server %s: it is %s, before the decision already',
      async (level, allowImpersonation, wanted) => {
        const levels: string[] = [];
        const { client, accepted } = await world.pair({
          server: {
            attributes: { allowImpersonation },
            onConnect: (request) => {
              levels.push(request.level);
              request.accept();
            },
          },
          client: { security: { level } },
        });
        levels.push(accepted.security.level);
        for (const { attributes } of [client, accepted]) levels.push(attributes.allowImpersonation);
        expect(new Set(levels)).toEqual(new Set([wanted]));
      },
    );

    it('anonymous: handlers see nobody, at no time', async () => {
      const { held, onMessage } = holding();
      const peers: unknown[] = [];
      const { client, accepted } = await world.pair({
        server: {
          wants: ['security', 'token', 'context'],
          onMessage,
          onConnect: (request) => {
            peers.push(request.peer);
            request.accept();
          },
        },
        client: { security: { level: 'anonymous', tracking: 'dynamic' } },
      });
      await client.send(textBytes('.'));
      await waitUntil('the message', () => held.length === 1);
      peers.push(accepted.peer, accepted.security.peer, accepted.security.token, held[0]!.peer);
      expect(peers).toEqual([undefined, undefined, undefined, undefined, undefined]);
      expect([...held[0]!.attributes.valid]).toEqual(['context']);
    });

    it('anonymous: the access control list is asked all the same', async ({ skip }) => {
      skip(!subject.hasIdentity, subject.lacks.identity);
      const uid = process.geteuid?.() ?? 0;
      const server = await world.createPort({ acl: [{ action: 'allow', uid }] });
      const client = await world.connect({ security: { level: 'anonymous' } });
      server.setAcl([{ action: 'deny', uid }, { action: 'allow' }]);
      expect(await client.closed).toMatchObject({ status: 'ACCESS_DENIED' });
      await expectCode(world.connect({ security: { level: 'anonymous' } }), 'ACCESS_DENIED');
    });

    it('effectiveOnly hides the groups, and nothing else', async ({ skip }) => {
      skip(!subject.hasIdentity, subject.lacks.identity);
      const { accepted } = await world.pair({ client: { security: { effectiveOnly: true } } });
      expect(accepted.peer).toEqual({ ...ownFacts(), groups: undefined, source: 'connect' });
    });
  });
}

function describeImpersonation(subject: TransportUnderTest): void {
  describe('port 7, security: impersonate()', () => {
    const world = usePortWorld(subject);
    const impersonate: SecurityQos = { level: 'impersonate' };
    const attributes = { allowImpersonation: 'impersonate' } as const;

    it.each(['anonymous', 'identify'] as const)('is ACCESS_DENIED at level %s', async (level) => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({
        server: { onMessage, attributes },
        client: { security: { level } },
      });
      await client.send(textBytes('.'));
      await waitUntil('the message', () => held.length === 1);
      expectThrownCode(() => held[0]!.impersonate(), 'ACCESS_DENIED');
    });

    it.skipIf(subject.hasIdentity)('is ACCESS_DENIED where nobody is known', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({
        server: { onMessage, attributes },
        client: { security: impersonate },
      });
      await client.send(textBytes('.'));
      await waitUntil('the message', () => held.length === 1);
      expectThrownCode(() => held[0]!.impersonate(), 'ACCESS_DENIED');
    });

    it('names the client to the next server, beside the one who calls', async ({ skip }) => {
      skip(!subject.hasIdentity, subject.lacks.identity);
      const { held, onMessage } = holding();
      const end = { attributes, wants: ['onBehalfOf'] } as const;
      await world.createPort({ ...end, onMessage }, 'last');
      const toLast = await world.connect({ security: impersonate }, 'last');
      const forward = async (message: PortMessage): Promise<void> => {
        await toLast.send(message.data, { onBehalfOf: message.impersonate() });
      };
      await world.createPort({ ...end, onMessage: forward }, 'middle');
      const client = await world.connect({ security: impersonate }, 'middle');
      await client.send(textBytes('.'));
      await waitUntil('the message', () => held.length === 1);
      const { pid, uid, gid, startTime } = ownFacts();
      expect(held[0]!.attributes.onBehalfOf).toEqual([{ pid, uid, gid, startTime }]);
      expect(held[0]!.peer?.pid).toBe(process.pid);
      // The one who asks now is the nearest; who it asks for comes behind.
      const chain = held[0]!.impersonate();
      expect(chain.length).toBe(2);
      expect(chain[1]).toEqual({ pid, uid, gid, startTime });
    });

    it('a chain may have 8 members, and no more', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({
        server: { attributes, wants: ['onBehalfOf'], onMessage },
        client: { security: impersonate },
      });
      const chain = (length: number): ClaimedIdentity[] =>
        Array.from({ length }, (_, index) => ({
          pid: index + 1,
          uid: 2 ** 32 - 2,
          gid: index,
          startTime: 2 ** 40 + index,
        }));
      const tooLong = client.send(textBytes('no'), { onBehalfOf: chain(9) });
      await expect(tooLong).rejects.toBeInstanceOf(RangeError);
      await client.send(textBytes('yes'), { onBehalfOf: chain(8) });
      await waitUntil('the message', () => held.length === 1);
      expect(held[0]!.attributes.onBehalfOf).toEqual(chain(8));
    });

    it('is not claimed on a connection below the level impersonate', async () => {
      const { held, onMessage } = holding();
      const { client } = await world.pair({
        server: { attributes, wants: ['onBehalfOf'], onMessage },
      });
      await client.send(textBytes('.'), {
        onBehalfOf: [{ pid: 1, uid: 0, gid: 0, startTime: 0 }],
      });
      await waitUntil('the message', () => held.length === 1);
      expect(held[0]!.attributes.valid.size).toBe(0);
    });
  });
}

function describeTokens(subject: TransportUnderTest): void {
  const { identity } = subject.lacks;
  describe.skipIf(identity !== undefined)(`port 7, security: token${because(identity)}`, () => {
    const world = usePortWorld(subject);

    it('tells connections apart, and their log-on is one', async () => {
      const { accepted } = await world.pair();
      const second = await world.pair({}, 'second');
      const tokens = [accepted, second.accepted].map(({ security }) => security.token!);
      expect(tokens[0]!.tokenId).not.toBe(tokens[1]!.tokenId);
      expect(tokens[0]!.authId).toBe(tokens[1]!.authId);
      expect(tokens.map(({ modifiedId }) => modifiedId)).toEqual([1, 1]);
    });

    it('stays the same while nothing changes, with either tracking', async () => {
      for (const tracking of ['static', 'dynamic'] as const) {
        const { held, onMessage } = holding();
        const wants = ['security', 'token'] as const;
        const { client } = await world.pair(
          { server: { wants, onMessage }, client: { security: { tracking } } },
          tracking,
        );
        for (let count = 0; count < 3; count++) await client.send(textBytes('.'));
        await waitUntil('the messages', () => held.length === 3);
        const tokens = held.map(({ attributes }) => attributes.token);
        expect(tokens[0]!.modifiedId).toBe(1);
        expect(tokens).toEqual([tokens[0], tokens[0], tokens[0]]);
        const source = tracking === 'static' ? 'connect' : 'message';
        expect(held[0]!.attributes.security).toMatchObject({ ...ownFacts(), source });
      }
    });
  });
}

interface Seen {
  readonly security: PeerIdentity | undefined;
  readonly token: SecurityToken | undefined;
}

function describeTracking(subject: TransportUnderTest): void {
  const isRoot = process.geteuid?.() === 0;
  const reason = subject.lacks.identity ?? (isRoot ? undefined : 'only root can become another');
  describe.skipIf(reason !== undefined)(`port 7, security: tracking${because(reason)}`, () => {
    const world = usePortWorld(subject);

    /** A client in a process of its own, and what the server sees of its messages. */
    async function connectChild(tracking: 'static' | 'dynamic'): Promise<{
      child: Program<PortNodeCommands>;
      accepted: CommunicationPort;
      look: () => Promise<Seen>;
    }> {
      const { held, onMessage } = holding();
      const ports: CommunicationPort[] = [];
      await world.createPort({
        wants: ['security', 'token'],
        acl: [{ action: 'allow' }],
        onMessage,
        onConnected: (port) => void ports.push(port),
      });
      const child = await spawnProgram<PortNodeCommands>('port-node');
      world.onClose(async () => void (await child.close()));
      const { directory } = world.runtime;
      await child.call('connect', { name: PORT_NAME, directory, security: { tracking } });
      const look = async (): Promise<Seen> => {
        await child.call('sendDatagrams', { count: 1, sizeBytes: 8 });
        const { security, token } = held.at(-1)!.attributes;
        return { security, token };
      };
      return { child, accepted: ports[0]!, look };
    }

    it('dynamic: each change of group, groups and user is seen, and counted once', async () => {
      const { child, accepted, look } = await connectChild('dynamic');
      const first = await look();
      expect(first.security).toMatchObject({ pid: child.pid, uid: 0, gid: 0, source: 'message' });
      expect(await look()).toEqual(first);
      const changes = [
        { groups: [SOMEBODY, SOMEBODY + 1] },
        { gid: SOMEBODY },
        { uid: SOMEBODY },
        { uid: 0 },
      ];
      const modified: number[] = [first.token!.modifiedId];
      for (const change of changes) {
        await child.call('setIds', change);
        const { groups, ...ids } = change as { groups?: number[] };
        const { security, token } = await look();
        expect(security).toMatchObject(ids);
        if (groups !== undefined) expect(security!.groups).toEqual(groups);
        expect((await look()).token).toEqual(token);
        modified.push(token!.modifiedId);
      }
      const start = modified[0]!;
      expect(modified).toEqual([start, start + 1, start + 2, start + 3, start + 4]);
      expect(accepted.security.peer).toMatchObject({ uid: 0, gid: SOMEBODY });
      expect(accepted.security.token?.tokenId).toBe(first.token!.tokenId);
    });

    it('static: it stays who it was when it connected', async () => {
      const { child, look } = await connectChild('static');
      const first = await look();
      await child.call('setIds', { groups: [SOMEBODY], gid: SOMEBODY, uid: SOMEBODY });
      expect(await look()).toEqual(first);
      expect(first.security).toMatchObject({ uid: 0, gid: 0, source: 'connect' });
      await child.call('setIds', { uid: 0 });
    });
  });
}
