import type { PeerIdentity } from '@portcall/transport';
import { describe, expect, it } from 'vitest';

import { defaultAcl, isAdmitted, type Acl } from './acl.js';

const PEER: PeerIdentity = {
  pid: 100,
  uid: 1000,
  gid: 1001,
  startTime: 5,
  exe: '/usr/bin/node',
  source: 'connect',
};

const fails = (): boolean => {
  throw new Error('planted');
};

describe('isAdmitted()', () => {
  it.each<[string, Acl, boolean]>([
    ['no rules', [], false],
    ['allow everybody', [{ action: 'allow' }], true],
    ['deny everybody', [{ action: 'deny' }], false],
    ['the right user', [{ action: 'allow', uid: 1000 }], true],
    ['another user', [{ action: 'allow', uid: 0 }], false],
    ['the right group', [{ action: 'allow', gid: 1001 }], true],
    ['another group', [{ action: 'allow', gid: 1000 }], false],
    ['the right program', [{ action: 'allow', exe: '/usr/bin/node' }], true],
    ['a program of the same name elsewhere', [{ action: 'allow', exe: '/tmp/node' }], false],
    ['the start of its path', [{ action: 'allow', exe: '/usr/bin' }], false],
    ['user and group', [{ action: 'allow', uid: 1000, gid: 1001 }], true],
    ['user but not group', [{ action: 'allow', uid: 1000, gid: 1 }], false],
    ['a predicate that holds', [{ action: 'allow', predicate: (peer) => peer.pid === 100 }], true],
    ['a predicate that does not', [{ action: 'allow', predicate: () => false }], false],
    ['a predicate that throws', [{ action: 'allow', predicate: fails }], false],
    ['a deny rule that throws', [{ action: 'deny', predicate: fails }, { action: 'allow' }], false],
    ['deny before allow', [{ action: 'deny', uid: 1000 }, { action: 'allow' }], false],
    ['allow before deny', [{ action: 'allow', uid: 1000 }, { action: 'deny' }], true],
    [
      'the first that matches',
      [
        { action: 'deny', uid: 1 },
        { action: 'allow', uid: 1000 },
      ],
      true,
    ],
    ['user 0, which is a user', [{ action: 'deny', uid: 0 }, { action: 'allow' }], true],
  ])('%s', (_, acl, admitted) => {
    expect(isAdmitted(acl, PEER)).toBe(admitted);
  });

  it.each<[string, Acl, boolean]>([
    ['allow everybody', [{ action: 'allow' }], true],
    ['allow a user', [{ action: 'allow', uid: 0 }], false],
    ['a predicate', [{ action: 'allow', predicate: () => true }], false],
    ['deny a user, then allow everybody', [{ action: 'deny', uid: 5 }, { action: 'allow' }], false],
    ['no rules', [], false],
  ])('of nobody known: %s', (_, acl, admitted) => {
    expect(isAdmitted(acl, undefined)).toBe(admitted);
  });

  it('matches no program that the kernel does not show', () => {
    const hidden = { ...PEER, exe: undefined };
    expect(isAdmitted([{ action: 'allow', exe: '/usr/bin/node' }], hidden)).toBe(false);
  });
});

describe('defaultAcl()', () => {
  it('admits the user of this process and root, and nobody else', () => {
    const uid = process.geteuid!();
    expect(isAdmitted(defaultAcl(), { ...PEER, uid })).toBe(true);
    expect(isAdmitted(defaultAcl(), { ...PEER, uid: 0 })).toBe(true);
    expect(isAdmitted(defaultAcl(), { ...PEER, uid: uid + 12_345 })).toBe(false);
    expect(isAdmitted(defaultAcl(), undefined)).toBe(false);
  });
});
