import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

import type { PeerIdentity } from '@portcall/transport';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { SecurityContext, type SecurityStart } from './security-context.js';

/** The groups of this process, as `/proc` states them. */
const GROUPS = readFileSync('/proc/self/status', 'latin1')
  .match(/^Groups:(.*)$/m)![1]!
  .split(/\s+/)
  .filter(Boolean)
  .map(Number);

const PEER: PeerIdentity = {
  pid: process.pid,
  uid: process.geteuid!(),
  gid: process.getegid!(),
  groups: GROUPS,
  startTime: 12_345,
  exe: '/usr/bin/node',
  namespaces: { pid: 1, mnt: 2, user: 3 },
  source: 'connect',
};

const SELF = { pid: PEER.pid, uid: PEER.uid, gid: PEER.gid };

function contextOf(start: Partial<SecurityStart> = {}): SecurityContext {
  return new SecurityContext({
    peer: PEER,
    level: 'identify',
    isDynamic: false,
    effectiveOnly: false,
    ...start,
  });
}

let child: ChildProcess;
beforeAll(() => (child = spawn('sleep', ['1000'])));
afterAll(() => void child.kill('SIGKILL'));

describe('who the peer is', () => {
  it('is what the kernel said when it connected', () => {
    expect(contextOf().peer).toEqual(PEER);
    expect(contextOf({ level: 'impersonate' }).peer).toEqual(PEER);
  });

  it('is not shown of an anonymous peer, nor is its token', () => {
    const context = contextOf({ level: 'anonymous', isDynamic: true });
    context.update(SELF);
    expect([context.peer, context.token]).toEqual([undefined, undefined]);
  });

  it('is unknown where the kernel does not say', () => {
    const context = contextOf({ peer: undefined });
    context.update(SELF);
    expect([context.peer, context.token]).toEqual([undefined, undefined]);
  });

  it('is without groups where only effective ids are to be seen, also later', () => {
    const context = contextOf({ effectiveOnly: true, isDynamic: true });
    expect(context.peer).toEqual({ ...PEER, groups: undefined });
    context.update(SELF);
    expect(context.peer?.groups).toBeUndefined();
    expect(context.token?.modifiedId).toBe(1);
  });
});

describe('update()', () => {
  it('changes nothing with static tracking', () => {
    const context = contextOf();
    expect(context.tracking).toBe('static');
    context.update({ ...SELF, uid: 4242 });
    expect(context.peer).toEqual(PEER);
    expect(context.token?.modifiedId).toBe(1);
  });

  it('notices a change of user or group, and counts it once', () => {
    const context = contextOf({ isDynamic: true });
    expect(context.tracking).toBe('dynamic');
    const ids: number[] = [];
    const step = (uid: number, gid: number): void => {
      context.update({ pid: PEER.pid, uid, gid });
      ids.push(context.token!.modifiedId);
    };
    step(PEER.uid, PEER.gid);
    step(4242, PEER.gid);
    step(4242, PEER.gid);
    step(4242, 4343);
    step(PEER.uid, PEER.gid);
    expect(ids).toEqual([1, 2, 2, 3, 4]);
    expect(context.peer).toEqual({ ...PEER, source: 'message' });
  });

  it('notices a change of groups', () => {
    const context = contextOf({ isDynamic: true, peer: { ...PEER, groups: [...GROUPS, 99_999] } });
    context.update(SELF);
    expect(context.peer?.groups).toEqual(GROUPS);
    expect(context.token?.modifiedId).toBe(2);
  });

  it('knows of another process that uses the socket what the kernel says of it, and no more', () => {
    const context = contextOf({ isDynamic: true });
    context.update({ ...SELF, pid: child.pid! });
    expect(context.peer).toMatchObject({
      pid: child.pid,
      startTime: undefined,
      exe: undefined,
      groups: GROUPS,
      source: 'message',
    });
    expect(context.token?.modifiedId).toBe(2);
  });

  it('has no groups of a process that has gone', () => {
    const context = contextOf({ isDynamic: true });
    // Larger than any process id that Linux gives out.
    context.update({ ...SELF, pid: 2 ** 22 + 1 });
    expect(context.peer?.groups).toBeUndefined();
  });
});

describe('token', () => {
  it('is one for each connection, and stays', () => {
    const [first, second] = [contextOf(), contextOf()];
    expect(first.token?.tokenId).not.toBe(second.token?.tokenId);
    expect(first.token).toEqual(first.token);
  });

  it('names the log-on: the user, and the session of the kernel where there is one', () => {
    const session = readFileSync('/proc/self/sessionid', 'latin1').trim();
    const wanted = session === '4294967295' ? `${PEER.uid}` : `${PEER.uid}:${session}`;
    expect(contextOf().token?.authId).toBe(wanted);
    const gone = contextOf({ peer: { ...PEER, pid: 2 ** 22 + 1, uid: 77 } });
    expect(gone.token?.authId).toBe('77');
  });
});

describe('impersonate()', () => {
  const OTHER = { pid: 1, uid: 2, gid: 3, startTime: 4 };

  it('puts the peer before those for whom it acts', () => {
    const nearest = { ...SELF, startTime: PEER.startTime };
    const context = contextOf({ level: 'impersonate' });
    expect(context.impersonate(context.peer, [], 'test')).toEqual([nearest]);
    expect(context.impersonate(context.peer, [OTHER], 'test')).toEqual([nearest, OTHER]);
  });

  it('has start time 0 where it is not known', () => {
    const context = contextOf({ level: 'impersonate', peer: { ...PEER, startTime: undefined } });
    expect(context.impersonate(context.peer, [], 'test')[0]?.startTime).toBe(0);
  });

  it('is for the peer as it is now', () => {
    const context = contextOf({ level: 'impersonate', isDynamic: true });
    context.update({ ...SELF, uid: 4242 });
    expect(context.impersonate(context.peer, [], 'test')[0]?.uid).toBe(4242);
  });

  it.each(['anonymous', 'identify'] as const)('is denied at level %s', (level) => {
    expect(codeOf(() => contextOf({ level }).impersonate(PEER, [], 'test'))).toBe('ACCESS_DENIED');
  });

  it('is denied where nobody knows who the peer is', () => {
    const context = contextOf({ level: 'impersonate', peer: undefined });
    expect(codeOf(() => context.impersonate(context.peer, [OTHER], 'test'))).toBe('ACCESS_DENIED');
  });
});
