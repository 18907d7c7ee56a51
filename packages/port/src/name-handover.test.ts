import type { IncomingLink, Link, LinkEnd, LinkHandler } from '@portcall/transport';
import { FEATURE, PortError, type StatusCode } from '@portcall/wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { NameHandover, type NameHandoverParts } from './name-handover.js';
import type { HandoverName } from './owned-name.js';

const PAYLOAD = Uint8Array.of(1, 2, 3);

/** A name whose lock and place the test moves around. */
class PlannedName implements HandoverName {
  /** Who has the lock. */
  holder: 'owner' | 'nobody' | 'other' = 'owner';
  replaced = false;
  readonly log: string[] = [];

  releaseLock(): void {
    this.log.push('release');
    if (this.holder === 'owner') this.holder = 'nobody';
  }

  tryRetakeLock(): boolean {
    if (this.holder === 'nobody') this.holder = 'owner';
    return this.holder === 'owner';
  }

  isReplaced(): boolean {
    return this.replaced;
  }

  async giveUp(): Promise<void> {
    this.log.push('give up');
    this.releaseLock();
  }
}

/** The new server's link, as the owner sees it. */
class PlannedLink {
  readonly recordBytesMax = 100;
  handler: LinkHandler | undefined;

  start(handler: LinkHandler): void {
    this.handler = handler;
  }

  /** The new server ends it, or dies. */
  end(kind: LinkEnd['kind'] = 'ended'): void {
    const { handler } = this;
    this.handler = undefined;
    queueMicrotask(() => handler?.onEnd({ kind } as LinkEnd));
  }

  close(): void {
    this.end('local');
  }
}

class PlannedIncoming implements IncomingLink {
  readonly peer = undefined;
  readonly payload = PAYLOAD;
  readonly features: number = FEATURE.HANDOVER;
  onGone: (() => void) | undefined;
  readonly link = new PlannedLink();
  readonly answers: string[] = [];
  failure: StatusCode | undefined;

  accept(payload: Uint8Array, features = 0): Link {
    if (this.failure !== undefined) throw new PortError(this.failure, 'planted');
    this.answers.push(`accept ${payload.join()} ${features}`);
    return this.link as unknown as Link;
  }

  reject(): void {
    throw new Error('refuse() does that');
  }
}

let name: PlannedName;
let replacedCount = 0;
beforeEach(() => {
  name = new PlannedName();
  replacedCount = 0;
});

const open: NameHandover[] = [];
afterEach(async () => {
  name.holder = 'nobody';
  for (const handover of open.splice(0)) await handover.settle();
});

function create(changes: Partial<NameHandoverParts> = {}): NameHandover {
  const handover = new NameHandover({
    name,
    enabled: true,
    acceptPayload: PAYLOAD,
    refuse: (incoming, status) => void (incoming as PlannedIncoming).answers.push(status),
    timeoutMs: 5000,
    onReplaced: () => replacedCount++,
    ...changes,
  });
  open.push(handover);
  return handover;
}

function ask(handover: NameHandover, isAdmin = true): PlannedIncoming {
  const incoming = new PlannedIncoming();
  handover.receive(incoming, isAdmin);
  return incoming;
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !condition(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(condition()).toBe(true);
}

describe('NameHandover', () => {
  it('gives the lock back before it answers, with the feature', () => {
    const incoming = ask(create());
    expect(name.holder).toBe('nobody');
    expect(incoming.answers).toEqual([`accept 1,2,3 ${FEATURE.HANDOVER}`]);
  });

  it.each([
    ['without the right', true, false, 'ACCESS_DENIED'],
    ['where it is not enabled', false, true, 'CONNECTION_REFUSED'],
    ['without the right, where it is not enabled', false, false, 'ACCESS_DENIED'],
  ] as const)('refuses %s, and keeps the lock', (_, enabled, isAdmin, status) => {
    const incoming = ask(create({ enabled }), isAdmin);
    expect(incoming.answers).toEqual([status]);
    expect([name.holder, name.log]).toEqual(['owner', []]);
  });

  it('takes the lock again when the new server dies before it did anything', async () => {
    const handover = create();
    ask(handover).link.end();
    await until(() => name.holder === 'owner');
    expect(replacedCount).toBe(0);
    expect(ask(handover).answers).toEqual([`accept 1,2,3 ${FEATURE.HANDOVER}`]);
  });

  it('gives up when another socket is in place, once, and takes nobody after that', async () => {
    const handover = create();
    const { link } = ask(handover);
    name.holder = 'other';
    name.replaced = true;
    link.end();
    await until(() => replacedCount === 1);
    expect(name.log).toEqual(['release', 'give up', 'release']);
    expect(name.holder).toBe('other');
    expect(ask(handover).answers).toEqual(['SERVER_BUSY']);
    await handover.settle();
    expect(replacedCount).toBe(1);
  });

  it('waits for the lock while somebody holds it who has not moved in', async () => {
    const handover = create();
    const { link } = ask(handover);
    name.holder = 'other';
    link.end();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(replacedCount).toBe(0);
    name.replaced = true; // It moves in at last.
    await until(() => replacedCount === 1);
  });

  it('serves on without the lock when somebody sits on it', async () => {
    const handover = create({ timeoutMs: 20 });
    const { link } = ask(handover);
    name.holder = 'other';
    link.end();
    await handover.settle();
    expect([replacedCount, name.holder]).toEqual([0, 'other']);
  });

  it('tells a second server that it is busy', () => {
    const handover = create();
    ask(handover);
    expect(ask(handover).answers).toEqual(['SERVER_BUSY']);
  });

  it('ends a handover that takes too long', async () => {
    ask(create({ timeoutMs: 20 }));
    await until(() => name.holder === 'owner');
  });

  it('takes whatever the new server says for its end', async () => {
    const { link } = ask(create());
    link.handler?.onRecord(PAYLOAD, new DataView(PAYLOAD.buffer), 0, 3);
    await until(() => name.holder === 'owner');
  });

  it.each([
    ['DISCONNECTED', []],
    ['QUOTA_EXCEEDED', ['SERVER_BUSY']],
  ] as const)('keeps the name when it cannot answer: %s', async (failure, answers) => {
    const incoming = new PlannedIncoming();
    incoming.failure = failure;
    create().receive(incoming, true);
    await until(() => name.holder === 'owner');
    expect(incoming.answers).toEqual(answers);
  });

  it('is settled by the owner who closes: afterwards the lock is its own', async () => {
    const handover = create();
    ask(handover);
    expect(name.holder).toBe('nobody');
    await handover.settle();
    expect([name.holder, replacedCount]).toEqual(['owner', 0]);
  });
});
