import { describe, expect, it } from 'vitest';

import type { ConnectPortOptions, PeerIdentity, ServerRequirement } from '@portcall/port';

import { ownFacts } from '../process-facts.js';
import type { PortNodeCommands } from '../programs/port-node.js';
import { endProgram, spawnProgram } from '../spawn-program.js';
import { because, type TransportUnderTest } from '../transports.js';
import { rejectionOf } from '../wait-until.js';
import { expectCode } from './expect-error.js';
import { PORT_NAME, usePortWorld } from './port-world.js';

/** Who is at the other end, and who must be. */
export function describeIdentity(subject: TransportUnderTest): void {
  describeRequirement(subject);
  describeOtherServer(subject);
  describePeer(subject);
}

/** What a client may require of a server in this process, and whether that is met. */
function requirements(): readonly (readonly [string, ServerRequirement, boolean])[] {
  const { uid, gid, exe, pid } = ownFacts();
  const broken = (): boolean => {
    throw new Error('planned failure of a predicate');
  };
  return [
    ['any user', { uid: 'any' }, true],
    ['its user', { uid }, true],
    ['its user and group', { uid, gid }, true],
    ['its program', { exe }, true],
    ['what a predicate sees', { predicate: (server) => server.pid === pid }, true],
    ['another user', { uid: uid + 1 }, false],
    ['another group', { gid: gid + 1 }, false],
    ['another program', { exe: '/bin/false' }, false],
    ['its user, but another program', { uid, exe: '/bin/false' }, false],
    ['what a predicate refuses', { uid, predicate: () => false }, false],
    ['a predicate that throws', { predicate: broken }, false],
    ['a predicate that says no boolean', { predicate: () => 1 as unknown as boolean }, false],
  ];
}

function describeRequirement(subject: TransportUnderTest): void {
  describe('port 5, identity of the server', () => {
    const world = usePortWorld(subject);

    it('needs no statement: by default it is this user', async () => {
      await world.createPort();
      await world.connect();
    });

    it.each(requirements())('%s', async (_, requireServer, isMet) => {
      const { held: seen, onConnect } = noting();
      await world.createPort({ onConnect });
      if (isMet && subject.hasIdentity) {
        await world.connect({ requireServer });
        expect(seen.length).toBe(1);
        return;
      }
      // Where nobody knows who the server is, what was stated is not met.
      const failed = world.connect({ requireServer });
      const error = await expectCode(failed, 'SERVER_IDENTITY_MISMATCH');
      expect([error.executed, error.portName]).toEqual(['no', PORT_NAME]);
    });

    it('another user is found out before anything is sent', async () => {
      const { held: seen, onConnect } = noting();
      // Root may have listened and given its rights up: then the answer decides.
      const own = process.geteuid?.() ?? 0;
      await world.createPort({ onConnect });
      const failed = world.connect({ requireServer: { uid: own + 1 }, info: new Uint8Array(9) });
      await expectCode(failed, 'SERVER_IDENTITY_MISMATCH');
      if (own !== 0 || !subject.hasIdentity) expect(seen.length).toBe(0);
    });

    it('leaves nothing at a server that was refused', async () => {
      const server = await world.createPort();
      for (let round = 0; round < 5; round++) {
        const failed = world.connect({ requireServer: { exe: '/bin/false' } });
        await expectCode(failed, 'SERVER_IDENTITY_MISMATCH');
      }
      await expectNoConnections(server);
    });

    it.each([
      ['a misspelt condition', { user: 0 }],
      ['a condition without a value', { uid: undefined }],
    ])('that has %s is a TypeError', async (_, stated) => {
      await world.createPort();
      const requireServer = stated as ConnectPortOptions['requireServer'] & object;
      const error = await rejectionOf('connect', world.connect({ requireServer }));
      expect(error).toBeInstanceOf(TypeError);
    });
  });
}

/** A handler that lets everybody in, and what it got. */
function noting(): {
  held: unknown[];
  onConnect: (request: { accept(): void }) => void;
} {
  const held: unknown[] = [];
  return {
    held,
    onConnect: (request) => {
      held.push(request);
      request.accept();
    },
  };
}

async function expectNoConnections(server: {
  readonly connections: ReadonlySet<unknown>;
}): Promise<void> {
  await expect.poll(() => server.connections.size).toBe(0);
}

function describeOtherServer(subject: TransportUnderTest): void {
  const reason = subject.lacks.identity;
  describe.skipIf(reason !== undefined)(
    `port 5, identity of the server: another process${because(reason)}`,
    () => {
      const world = usePortWorld(subject);

      it('is told by its process id, and its parent is not taken for it', async () => {
        const program = await spawnProgram<PortNodeCommands>('port-node');
        world.onClose(() => endProgram(program));
        const { directory } = world.runtime;
        const behaviour = { kind: 'echo' } as const;
        await program.call('createPort', { name: PORT_NAME, directory, behaviour });
        const isIt = (server: PeerIdentity): boolean => server.pid === program.pid;
        const client = await world.connect({ requireServer: { predicate: isIt } });
        expect(client.peer?.pid).toBe(program.pid);
        const isUs = (server: PeerIdentity): boolean => server.pid === process.pid;
        const failed = world.connect({ requireServer: { predicate: isUs } });
        await expectCode(failed, 'SERVER_IDENTITY_MISMATCH');
      });
    },
  );
}

function describePeer(subject: TransportUnderTest): void {
  describe('port 6, identity of the peer', () => {
    const world = usePortWorld(subject);

    it('is what the kernel says, at both ends, or nothing where it does not', async () => {
      const peers: unknown[] = [];
      const { client, accepted } = await world.pair({
        server: {
          onConnect: (request) => {
            peers.push(request.peer);
            request.accept();
          },
        },
      });
      peers.push(accepted.peer, accepted.security.peer);
      const known = { ...ownFacts(), source: 'connect' };
      for (const peer of peers) expect(peer).toEqual(subject.hasIdentity ? known : undefined);
      // The server is known by the answer that it sent.
      const answerer = { ...known, source: 'message' };
      expect(client.peer).toEqual(subject.hasIdentity ? answerer : undefined);
      for (const port of [client, accepted]) {
        expect(port.capabilities.identity).toBe(subject.hasIdentity);
      }
    });

    it('comes with each message', async () => {
      const { server, client, accepted } = await world.pair();
      await client.send(new Uint8Array(1));
      expect((await server.receive())?.peer).toEqual(accepted.peer);
    });

    it('cannot be changed by who sees it', async ({ skip }) => {
      skip(!subject.hasIdentity, subject.lacks.identity);
      const { client, accepted } = await world.pair();
      expect([client.peer, accepted.peer].map((peer) => Object.isFrozen(peer))).toEqual([
        true,
        true,
      ]);
    });
  });
}
