import type { PeerIdentity } from '@portcall/transport';
import { isPortError } from '@portcall/wire';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { parsePortName } from './port-name.js';
import {
  checkAcceptor,
  checkListener,
  requiredServer,
  type ListenerFacts,
  type ServerRequirement,
} from './server-identity.js';

const OWN = 1000;

const SERVER: PeerIdentity = {
  pid: 100,
  uid: OWN,
  gid: 1001,
  groups: undefined,
  startTime: 5,
  exe: '/usr/bin/node',
  namespaces: undefined,
  source: 'connect',
};

const MISMATCH = 'SERVER_IDENTITY_MISMATCH';
const FINE = 'nothing thrown';

const required = (name: string, stated?: ServerRequirement, own = OWN) =>
  requiredServer(parsePortName(name), stated, { own });

const facts = (changes: Partial<ListenerFacts>): ListenerFacts => ({
  peer: SERVER,
  hasIdentity: true,
  socketUid: undefined,
  ...changes,
});

const user = (uid: number): PeerIdentity => ({ ...SERVER, uid });

describe('checkListener()', () => {
  const listener = (name: string, peer: PeerIdentity, stated?: ServerRequirement): string =>
    codeOf(() => checkListener(required(name, stated), facts({ peer })));

  it.each(['n', 'session:n', `unnamed:${'0'.repeat(32)}`, 'abstract:n', 'system:n'])(
    'of %s takes this user and root, and nobody else',
    (name) => {
      expect(listener(name, user(OWN))).toBe(FINE);
      expect(listener(name, user(0))).toBe(FINE);
      expect(listener(name, user(1001))).toBe(MISMATCH);
    },
  );

  it('takes the user that is required, and root that may become it', () => {
    expect(listener('n', user(55), { uid: 55 })).toBe(FINE);
    expect(listener('n', user(0), { uid: 55 })).toBe(FINE);
    expect(listener('n', user(OWN), { uid: 55 })).toBe(MISMATCH);
  });

  it('leaves program, group and predicate to the one who answers', () => {
    const stated = { gid: 5, exe: '/other', predicate: () => false };
    expect(listener('n', user(OWN), stated)).toBe(FINE);
    expect(listener('n', user(55), stated)).toBe(MISMATCH);
  });

  it('takes any user only when told so', () => {
    expect(listener('n', user(55), { uid: 'any' })).toBe(FINE);
    expect(listener('n', user(55), { exe: '/usr/bin/node' })).toBe(MISMATCH);
  });

  it.each([true, false])(
    'never takes the unknown, where identity is %s, when it is required',
    (is) => {
      const unknown = facts({ peer: undefined, hasIdentity: is, socketUid: OWN });
      expect(codeOf(() => checkListener(required('n', {}), unknown))).toBe(MISMATCH);
      const stated = required('n', { uid: 'any', gid: 1 });
      expect(codeOf(() => checkListener(stated, unknown))).toBe(MISMATCH);
    },
  );

  it('takes the unknown when nothing at all is required', () => {
    const unknown = facts({ peer: undefined, socketUid: OWN });
    const none = required('n', { uid: 'any' });
    expect(codeOf(() => checkListener(none, unknown))).toBe('nothing thrown');
    expect(codeOf(() => checkAcceptor(none, undefined, true))).toBe('nothing thrown');
  });

  it('does not take the unknown by default where the kernel could know', () => {
    const unmapped = facts({ peer: undefined, socketUid: OWN });
    expect(codeOf(() => checkListener(required('n'), unmapped))).toBe(MISMATCH);
  });

  it.each([
    ['n', OWN, FINE],
    ['n', 0, MISMATCH],
    ['n', 1001, MISMATCH],
    ['n', undefined, MISMATCH],
    ['system:n', 0, FINE],
    ['system:n', OWN, FINE],
    ['system:n', 1001, MISMATCH],
  ])('goes by the owner of the socket where nobody can know: %s, %s', (name, uid, outcome) => {
    const plain = facts({ peer: undefined, hasIdentity: false, socketUid: uid });
    expect(codeOf(() => checkListener(required(name), plain))).toBe(outcome);
  });

  it('requires nothing of a server in this process, unless told to', () => {
    const memory = facts({ peer: undefined, hasIdentity: false });
    expect(codeOf(() => checkListener(required('inproc:n'), memory))).toBe(FINE);
    const same = requiredServer(parsePortName('n'), undefined, { own: OWN, inProcess: true });
    expect(codeOf(() => checkListener(same, memory))).toBe(FINE);
    expect(codeOf(() => checkListener(required('inproc:n', { uid: OWN }), memory))).toBe(MISMATCH);
  });

  it('says who was wanted, who was found, and that nothing ran', () => {
    let error: unknown;
    try {
      checkListener(required('jobs', { uid: 55 }), facts({ peer: user(77) }));
    } catch (thrown) {
      error = thrown;
    }
    if (!isPortError(error)) throw new Error('no PortError');
    expect(error.message).toBe(
      'Cannot connect to port "jobs": user 77 listens (process 100), wanted user 55',
    );
    expect([error.executed, error.portName]).toEqual(['no', 'jobs']);
  });
});

describe('checkAcceptor()', () => {
  const acceptor = (
    stated: ServerRequirement | undefined,
    peer: PeerIdentity | undefined,
    hasIdentity = true,
  ): string => codeOf(() => checkAcceptor(required('n', stated), peer, hasIdentity));

  const fails = (): boolean => {
    throw new Error('planted');
  };

  it.each<[string, ServerRequirement | undefined, Partial<PeerIdentity>, string]>([
    ['the default user', undefined, {}, FINE],
    ['root, which only listens for others', undefined, { uid: 0 }, MISMATCH],
    ['another user', undefined, { uid: 55 }, MISMATCH],
    ['the required user', { uid: 55 }, { uid: 55 }, FINE],
    ['root for another user', { uid: 55 }, { uid: 0 }, MISMATCH],
    ['the required group', { gid: 1001 }, {}, FINE],
    ['another group', { gid: 1 }, {}, MISMATCH],
    ['a group that is supplementary', { gid: 7 }, { groups: [7] }, MISMATCH],
    ['the required program', { exe: '/usr/bin/node' }, {}, FINE],
    ['another program', { exe: '/usr/bin/node' }, { exe: '/tmp/node' }, MISMATCH],
    ['a program that is not shown', { exe: '/usr/bin/node' }, { exe: undefined }, MISMATCH],
    ['a program of another user', { exe: '/usr/bin/node' }, { uid: 55 }, MISMATCH],
    ['what the predicate accepts', { predicate: (peer) => peer.pid === 100 }, {}, FINE],
    ['what it refuses', { predicate: () => false }, {}, MISMATCH],
    ['what it throws at', { predicate: fails }, {}, MISMATCH],
    ['any user', { uid: 'any' }, { uid: 4711 }, FINE],
  ])('%s', (_, stated, changes, outcome) => {
    expect(acceptor(stated, { ...SERVER, ...changes })).toBe(outcome);
  });

  it('of nobody known: only by default, and where nobody can know', () => {
    expect(acceptor(undefined, undefined, false)).toBe(FINE);
    expect(acceptor(undefined, undefined, true)).toBe(MISMATCH);
    expect(acceptor({ uid: OWN }, undefined, false)).toBe(MISMATCH);
    expect(acceptor({}, undefined, false)).toBe(MISMATCH);
  });

  it('of a system port: root or this user', () => {
    const check = (uid: number): string =>
      codeOf(() => checkAcceptor(required('system:n'), user(uid), true));
    expect([check(0), check(OWN), check(55)]).toEqual([FINE, FINE, MISMATCH]);
  });
});

describe('requiredServer()', () => {
  it.each<[string, unknown]>([
    ['a misspelt condition', { user: 5 }],
    ['a condition without value', { uid: undefined }],
  ])('throws a TypeError for %s', (_, stated) => {
    expect(() => required('n', stated as ServerRequirement)).toThrow(TypeError);
  });
});
