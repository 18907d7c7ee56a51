/*
 * Leases with real timers and real processes: one that sleeps, one that is frozen, one that computes.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, it } from 'vitest';

import { waitUntil } from '../test/support/wait-until.js';
import { Lease, type LeaseHost } from './lease.js';

const LEASE_MS = 300;

const children: ChildProcess[] = [];
const leases: Lease[] = [];
afterEach(() => {
  for (const lease of leases.splice(0)) lease.stop();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(command: string, ...args: string[]): ChildProcess & { readonly pid: number } {
  const child = spawn(command, args, { stdio: 'ignore' });
  children.push(child);
  return child as ChildProcess & { readonly pid: number };
}

function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2)[0]!;
}

class Host implements LeaseHost {
  readonly peerPid: number;
  received = 0;
  waiting = true;
  pings = 0;
  expiredAt: number | undefined;
  /** A peer that is there answers. */
  onPing: (() => void) | undefined;

  constructor(peerPid: number) {
    this.peerPid = peerPid;
  }

  receivedCount(): number {
    return this.received;
  }

  isWaiting(): boolean {
    return this.waiting;
  }

  ping(): void {
    this.pings++;
    this.onPing?.();
  }

  onExpired(): void {
    if (this.expiredAt !== undefined) throw new Error('Expired twice');
    this.expiredAt = performance.now();
  }
}

function leaseOf(host: Host): Lease {
  const lease = new Lease(host, LEASE_MS);
  leases.push(lease);
  lease.begin();
  return lease;
}

async function pause(ms: number): Promise<void> {
  let isOver = false;
  setTimeout(() => (isOver = true), ms);
  await waitUntil(`${ms} ms`, () => isOver);
}

describe('Lease', () => {
  it('ends with a frozen process, after a ping and not before its time', async () => {
    const child = start('sh', '-c', 'while :; do :; done');
    child.kill('SIGSTOP');
    await waitUntil('the child to stop', () => stateOf(child.pid) === 'T');
    const startedAt = performance.now();
    const host = new Host(child.pid);
    leaseOf(host);
    await waitUntil('the lease to end', () => host.expiredAt !== undefined);
    // Timers may be early by a millisecond each.
    expect(host.expiredAt! - startedAt).toBeGreaterThanOrEqual(LEASE_MS - 20);
    expect(host.pings).toBe(1);
  });

  it('does not end with a process that computes, however long it says nothing', async () => {
    const child = start('sh', '-c', 'while :; do :; done');
    const host = new Host(child.pid);
    leaseOf(host);
    await waitUntil('some leases', () => host.pings >= 4);
    expect(host.expiredAt).toBeUndefined();
    child.kill('SIGSTOP');
    await waitUntil('the lease to end', () => host.expiredAt !== undefined);
  });

  it('does not end with a process that sleeps and answers', async () => {
    const host = new Host(start('sleep', '1000').pid);
    host.onPing = () => host.received++;
    leaseOf(host);
    await waitUntil('some leases', () => host.pings >= 4);
    expect(host.expiredAt).toBeUndefined();
    // One that sleeps and does not answer is as good as frozen.
    host.onPing = undefined;
    await waitUntil('the lease to end', () => host.expiredAt !== undefined);
  });

  it('asks nothing of a peer from which something comes', async () => {
    const host = new Host(start('sleep', '1000').pid);
    leaseOf(host);
    const timer = setInterval(() => host.received++, LEASE_MS / 30);
    await pause(2 * LEASE_MS);
    clearInterval(timer);
    expect([host.pings, host.expiredAt]).toEqual([0, undefined]);
  });

  it('ends with a process that has gone, where nobody else has noticed', async () => {
    const child = start('sleep', '1000');
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const host = new Host(child.pid);
    leaseOf(host);
    await waitUntil('the lease to end', () => host.expiredAt !== undefined);
  });

  it('watches only as long as the peer owes an answer, and again when it owes another', async () => {
    const host = new Host(start('sleep', '1000').pid);
    const lease = leaseOf(host);
    host.waiting = false;
    await pause(2 * LEASE_MS);
    expect([host.pings, host.expiredAt]).toEqual([0, undefined]);
    host.waiting = true;
    await pause(2 * LEASE_MS);
    expect(host.pings).toBe(0);
    const startedAt = performance.now();
    lease.begin();
    lease.begin();
    await waitUntil('the lease to end', () => host.expiredAt !== undefined);
    expect(host.expiredAt! - startedAt).toBeGreaterThanOrEqual(LEASE_MS - 20);
    expect(host.pings).toBe(1);
  });

  it('ends no more when it was stopped', async () => {
    const host = new Host(start('sleep', '1000').pid);
    const lease = leaseOf(host);
    await waitUntil('the ping', () => host.pings === 1);
    lease.stop();
    await pause(2 * LEASE_MS);
    expect(host.expiredAt).toBeUndefined();
  });

  it('does not count pauses of this side', async () => {
    const host = new Host(start('sleep', '1000').pid);
    leaseOf(host);
    // Nothing is read meanwhile: that is not the peer's silence.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * LEASE_MS);
    await pause(LEASE_MS / 5);
    expect(host.expiredAt).toBeUndefined();
  });
});
