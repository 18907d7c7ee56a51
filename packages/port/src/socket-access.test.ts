import { createMemoryTransport, type Transport } from '@portcall/transport';
import { describe, expect, it } from 'vitest';

import { defaultAcl, grantedRights, isAdmitted, type Acl } from './acl.js';
import { listAcl, socketAccess } from './socket-access.js';

const OWN = 1000;
const NARROW = { mode: 0o600, gid: undefined };
const WIDE = { mode: 0o666, gid: undefined };
const FOR_50 = { mode: 0o660, gid: 50 };

describe('socketAccess()', () => {
  it.each<[string, Acl, object]>([
    ['nobody', [], NARROW],
    ['the owner', [{ action: 'allow', uid: OWN }], NARROW],
    [
      'owner and root',
      [
        { action: 'allow', uid: OWN },
        { action: 'allow', uid: 0 },
      ],
      NARROW,
    ],
    ['another user', [{ action: 'allow', uid: 1001 }], WIDE],
    ['everybody', [{ action: 'allow' }], WIDE],
    ['a program', [{ action: 'allow', exe: '/usr/bin/node' }], WIDE],
    ['a predicate', [{ action: 'allow', predicate: () => true }], WIDE],
    ['one group', [{ action: 'allow', gid: 50 }], FOR_50],
    [
      'owner and one group',
      [
        { action: 'allow', uid: OWN },
        { action: 'allow', gid: 50 },
      ],
      FOR_50,
    ],
    [
      'one group twice',
      [
        { action: 'allow', gid: 50 },
        { action: 'allow', gid: 50, exe: '/x' },
      ],
      FOR_50,
    ],
    [
      'two groups',
      [
        { action: 'allow', gid: 50 },
        { action: 'allow', gid: 51 },
      ],
      WIDE,
    ],
    [
      'a group and a user',
      [
        { action: 'allow', gid: 50 },
        { action: 'allow', uid: 7 },
      ],
      WIDE,
    ],
    ['the owner in a group', [{ action: 'allow', uid: OWN, gid: 50 }], NARROW],
    ['another user in a group', [{ action: 'allow', uid: 7, gid: 50 }], FOR_50],
    ['nobody who may connect', [{ action: 'allow', rights: ['call'] }], NARROW],
    ['all but one', [{ action: 'deny', uid: 7 }, { action: 'allow' }], WIDE],
    ['nobody, with a deny rule', [{ action: 'deny', uid: 7 }], NARROW],
  ])('of a system port for %s', (_, acl, access) => {
    expect(socketAccess('system', acl, OWN)).toEqual(access);
  });

  it('of every other port is for its owner', () => {
    for (const namespace of ['session', 'unnamed', 'abstract', 'inproc'] as const) {
      expect(socketAccess(namespace, [{ action: 'allow' }], OWN)).toEqual(NARROW);
    }
  });
});

describe('listAcl()', () => {
  const plain = createMemoryTransport();
  const knowing: Transport = { ...plain, capabilities: { ...plain.capabilities, identity: true } };

  it("is the program's own list where it has one, whoever can be known", () => {
    const acl: Acl = [{ action: 'allow', uid: 7 }];
    expect(listAcl('session', plain, acl)).toBe(acl);
    expect(listAcl('session', knowing, acl)).toBe(acl);
    expect(isAdmitted(listAcl('session', plain, acl), undefined)).toBe(false);
  });

  it('is the default of the namespace where peers are known', () => {
    expect(listAcl('session', knowing)).toEqual(defaultAcl());
    expect(listAcl('abstract', knowing)).toEqual(defaultAcl('abstract'));
  });

  it('is everybody who gets as far where they are not, with the right to take over', () => {
    expect(grantedRights(listAcl('session', plain), undefined).has('admin')).toBe(true);
  });

  it('throws a TypeError for what is no list', () => {
    expect(() => listAcl('session', plain, [{ action: 'Allow' }] as unknown as Acl)).toThrow(
      TypeError,
    );
  });
});
