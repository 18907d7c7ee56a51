import { readlinkSync } from 'node:fs';

import type { PeerIdentity, PeerNamespaces } from '@portcall/transport';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  PORT_RIGHTS,
  checkAcl,
  defaultAcl,
  everybodyAcl,
  explainAcl,
  grantedRights,
  isAdmitted,
  ownNamespaces,
  type Acl,
  type AclEntry,
  type PortRight,
} from './acl.js';

const PEER: PeerIdentity = {
  pid: 100,
  uid: 1000,
  gid: 1001,
  groups: [1001, 2001, 2002],
  startTime: 5,
  exe: '/usr/bin/node',
  namespaces: { pid: 11, mnt: 12, user: 13 },
  source: 'connect',
};

const OWN: PeerNamespaces = { pid: 11, mnt: 12, user: 13 };

const fails = (): boolean => {
  throw new Error('planted');
};

const truthy = (() => 'true') as unknown as () => boolean;

describe('isAdmitted()', () => {
  it.each<[string, Acl, boolean]>([
    ['no rules', [], false],
    ['allow everybody', [{ action: 'allow' }], true],
    ['deny everybody', [{ action: 'deny' }], false],
    ['the right user', [{ action: 'allow', uid: 1000 }], true],
    ['another user', [{ action: 'allow', uid: 0 }], false],
    ['the right group', [{ action: 'allow', gid: 1001 }], true],
    ['another group', [{ action: 'allow', gid: 1000 }], false],
    ['a supplementary group', [{ action: 'allow', gid: 2002 }], true],
    ['a supplementary group denied', [{ action: 'deny', gid: 2001 }, { action: 'allow' }], false],
    ['a rule without the right', [{ action: 'allow', rights: ['call'] }], false],
    [
      'a rule that denies another right',
      [{ action: 'deny', rights: ['call'] }, { action: 'allow' }],
      true,
    ],
    ['the word true, which is not true', [{ action: 'allow', predicate: truthy }], false],
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

describe('what the kernel does not show', () => {
  it.each<[string, Partial<PeerIdentity>, Partial<AclEntry>]>([
    ['groups', { groups: undefined }, { gid: 2001 }],
    ['program', { exe: undefined }, { exe: '/usr/bin/node' }],
    ['all namespaces', { namespaces: undefined }, { sameNamespaces: ['pid'] }],
    [
      'one namespace',
      { namespaces: { ...OWN, mnt: undefined } },
      { sameNamespaces: ['pid', 'mnt'] },
    ],
  ])('%s: matches no allow rule and every deny rule', (_, hidden, condition) => {
    const peer = { ...PEER, ...hidden };
    const own = (): PeerNamespaces => OWN;
    const allow: Acl = [{ action: 'allow', ...condition }];
    const deny: Acl = [{ action: 'deny', ...condition }, { action: 'allow' }];
    // Where the kernel does show it, the same rules match: what follows is not true of itself.
    expect(explainAcl(allow, PEER, { own })).toMatchObject({ granted: true, reason: 'matched' });
    expect(explainAcl(deny, PEER, { own })).toMatchObject({ granted: false, reason: 'matched' });
    expect(explainAcl(allow, peer, { own })).toEqual({
      granted: false,
      entry: undefined,
      reason: 'no match',
    });
    expect(explainAcl(deny, peer, { own })).toEqual({
      granted: false,
      entry: 0,
      reason: 'unknown',
    });
  });

  it('does not matter where another condition fails', () => {
    const acl: Acl = [{ action: 'deny', uid: 1, exe: '/x' }, { action: 'allow' }];
    expect(isAdmitted(acl, { ...PEER, exe: undefined })).toBe(true);
  });

  it('includes our own namespaces', () => {
    const own = (): PeerNamespaces => ({ pid: undefined, mnt: undefined, user: undefined });
    const acl: Acl = [{ action: 'allow', sameNamespaces: ['user'] }];
    expect(explainAcl(acl, PEER, { own }).granted).toBe(false);
  });
});

describe('sameNamespaces', () => {
  const admits = (kinds: AclEntry['sameNamespaces'], own: PeerNamespaces): boolean => {
    const acl: Acl = [{ action: 'allow', sameNamespaces: kinds! }];
    return explainAcl(acl, PEER, { own: () => own }).granted;
  };

  it('compares each namespace that is named, and no other', () => {
    expect(admits(['pid', 'mnt', 'user'], OWN)).toBe(true);
    for (const kind of ['pid', 'mnt', 'user'] as const) {
      expect(admits([kind], { ...OWN, [kind]: 99 })).toBe(false);
      expect(admits(['pid', 'mnt', 'user'], { ...OWN, [kind]: 99 })).toBe(false);
    }
    expect(admits(['pid'], { ...OWN, mnt: 99 })).toBe(true);
    expect(admits([], { pid: 0, mnt: 0, user: 0 })).toBe(true);
  });

  it.skipIf(process.platform !== 'linux')('are those of /proc', () => {
    const { pid, mnt, user } = ownNamespaces();
    expect(readlinkSync('/proc/self/ns/pid')).toBe(`pid:[${pid}]`);
    expect(readlinkSync('/proc/self/ns/mnt')).toBe(`mnt:[${mnt}]`);
    expect(readlinkSync('/proc/self/ns/user')).toBe(`user:[${user}]`);
  });
});

describe('grantedRights()', () => {
  const rights = (acl: Acl): PortRight[] => [...grantedRights(acl, PEER)];

  it.each<[string, Acl, PortRight[]]>([
    ['no rule', [], []],
    ['an allow rule', [{ action: 'allow' }], ['connect', 'call', 'activate']],
    ['an allow rule for admin', [{ action: 'allow', rights: ['admin'] }], ['admin']],
    ['all', everybodyAcl(), [...PORT_RIGHTS]],
    ['a deny rule before all', [{ action: 'deny', uid: 1000 }, ...everybodyAcl()], []],
    [
      'one right denied before all',
      [{ action: 'deny', rights: ['activate'] }, ...everybodyAcl()],
      ['connect', 'call', 'admin'],
    ],
    [
      'rights of several rules',
      [
        { action: 'allow', rights: ['connect'] },
        { action: 'deny', rights: ['connect', 'call'] },
        { action: 'allow', rights: ['call', 'admin'] },
      ],
      ['connect', 'admin'],
    ],
    ['a rule about nothing', [{ action: 'deny', rights: [] }, ...everybodyAcl()], [...PORT_RIGHTS]],
  ])('of %s', (_, acl, expected) => expect(rights(acl)).toEqual(expected));
});

describe('explainAcl()', () => {
  /** Entries about a uid, with and without rights, so that many of them match. */
  const entry = fc.record(
    {
      action: fc.constantFrom('allow' as const, 'deny' as const),
      uid: fc.constantFrom(999, 1000),
      rights: fc.subarray([...PORT_RIGHTS]),
    },
    { requiredKeys: ['action'] },
  );

  it('goes by the first entry that matches and is about the right', () => {
    // Model: decide each entry by itself, then take the first that says anything.
    let decided = 0;
    fc.assert(
      fc.property(fc.array(entry), fc.constantFrom(...PORT_RIGHTS), (acl, right) => {
        const verdicts = acl.map((rule) => {
          const everything = rule.action === 'deny' || right !== 'admin';
          const about = rule.rights?.includes(right) ?? everything;
          return about && (rule.uid ?? 1000) === 1000 ? rule.action : undefined;
        });
        const first = verdicts.findIndex((verdict) => verdict !== undefined);
        if (first >= 0) decided++;
        expect(explainAcl(acl, PEER, { right })).toEqual({
          granted: verdicts[first] === 'allow',
          entry: first < 0 ? undefined : first,
          reason: first < 0 ? 'no match' : 'matched',
        });
      }),
    );
    expect(decided).toBeGreaterThan(10);
  });

  it('does not change with what stands behind the entry that decides', () => {
    fc.assert(
      fc.property(fc.array(entry), fc.array(entry), (acl, more) => {
        const verdict = explainAcl(acl, PEER);
        if (verdict.entry === undefined) return;
        expect(explainAcl([...acl, ...more], PEER)).toEqual(verdict);
      }),
    );
  });

  it('says that a predicate threw', () => {
    const acl: Acl = [{ action: 'allow', predicate: fails }, { action: 'allow' }];
    expect(explainAcl(acl, PEER)).toEqual({ granted: false, entry: 0, reason: 'threw' });
  });
});

describe('checkAcl()', () => {
  it('returns a list that is one', () => {
    const acl: Acl = [
      { action: 'allow', uid: 0, gid: 5, exe: '/x', predicate: () => true, rights: ['admin'] },
      { action: 'deny', sameNamespaces: ['pid', 'mnt', 'user'] },
    ];
    expect(checkAcl(acl)).toBe(acl);
  });

  // Each of these would admit everybody, or nobody, without a word.
  it.each<[string, unknown]>([
    ['a misspelt condition', [{ action: 'allow', user: 5 }]],
    ['a condition without value', [{ action: 'allow', uid: undefined }]],
    ['an unknown action', [{ action: 'Allow' }]],
    ['no action', [{ uid: 5 }]],
    ['a uid in words', [{ action: 'allow', uid: '1000' }]],
    ['no number', [{ action: 'allow', gid: Number.NaN }]],
    ['a negative uid', [{ action: 'allow', uid: -1 }]],
    ['the uid that is none', [{ action: 'allow', uid: 0xffff_ffff }]],
    ['an unknown right', [{ action: 'allow', rights: ['write'] }]],
    ['rights that are no list', [{ action: 'allow', rights: 'connect' }]],
    ['an unknown namespace', [{ action: 'allow', sameNamespaces: ['net'] }]],
    ['a predicate that is none', [{ action: 'deny', predicate: 'x' }]],
    ['no list', { action: 'allow' }],
    ['a hole', [null]],
  ])('throws a TypeError for %s', (_, acl) => {
    expect(() => checkAcl(acl as Acl)).toThrow(TypeError);
  });
});

describe('defaultAcl()', () => {
  it('grants the owner and root all rights', () => {
    const uid = process.geteuid!();
    for (const user of [uid, 0]) {
      expect([...grantedRights(defaultAcl(), { ...PEER, uid: user })]).toEqual([...PORT_RIGHTS]);
    }
  });

  it('of an abstract port is for the owner alone', () => {
    const uid = process.geteuid!();
    expect(isAdmitted(defaultAcl('abstract'), { ...PEER, uid })).toBe(true);
    expect(defaultAcl('abstract').length).toBe(1);
  });

  it('admits the user of this process and root, and nobody else', () => {
    const uid = process.geteuid!();
    expect(isAdmitted(defaultAcl(), { ...PEER, uid })).toBe(true);
    expect(isAdmitted(defaultAcl(), { ...PEER, uid: 0 })).toBe(true);
    expect(isAdmitted(defaultAcl(), { ...PEER, uid: uid + 12_345 })).toBe(false);
    expect(isAdmitted(defaultAcl(), undefined)).toBe(false);
  });
});
