/*
 * Threat: any system call may fail at any time, for want of descriptors or memory, or because the
 * peer has just gone. Each native function fails once, at its first call, its second and so on,
 * until the scenario (connect, records, a section, handles, a blocking wait, close) comes through
 * without reaching it. Afterwards: an error with a code or success, in time, nothing left open, and
 * the next connection works.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

import type { NativeBinding } from '@portcall/native';
import type { Link } from '@portcall/transport';
import { isPortError } from '@portcall/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { LINK_LIMITS, LINK_OPTIONS, Recorder } from '../test/support/link-parts.js';
import { nativeBinding } from '../test/support/native.js';
import { waitUntil } from '../test/support/wait-until.js';
import { connectShm } from './connect-shm.js';
import { listenShm } from './listen-shm.js';

const native = nativeBinding();

type Errno = keyof typeof constants.errno | 'ETOOMANYREFS';
type FunctionName = keyof NativeBinding;

const SEND: readonly Errno[] = ['EAGAIN', 'ENOBUFS', 'ENOMEM', 'EPIPE', 'ECONNRESET'];
const RECEIVE: readonly Errno[] = ['EAGAIN', 'ENOMEM', 'ECONNRESET'];
const NEW_DESCRIPTOR: readonly Errno[] = ['EMFILE', 'ENFILE', 'ENOMEM'];

/**
 * What the man page of each call allows. Not here: EAGAIN of the doorbell, which is a promise of
 * the kernel that a wake-up is pending, and its EPIPE, that nobody is there to be woken; EINTR,
 * which the addon itself repeats.
 */
const FAULTS: Partial<Record<FunctionName, readonly Errno[]>> = {
  memfdCreate: [...NEW_DESCRIPTOR, 'ENOSPC'],
  addSeals: ['EBUSY', 'EPERM', 'ENOMEM'],
  inspect: ['ENOMEM', 'EIO'],
  map: ['ENOMEM', 'ENFILE'],
  revoke: ['ENOMEM'],
  readAt: ['ENOMEM', 'EIO'],
  writeAt: ['ENOSPC', 'ENOMEM'],
  close: ['EIO', 'EINTR'],
  listen: ['EADDRINUSE', 'EMFILE', 'ENOMEM'],
  accept: [...NEW_DESCRIPTOR, 'EAGAIN', 'ECONNABORTED', 'ENOBUFS'],
  connect: [...NEW_DESCRIPTOR, 'EAGAIN', 'ECONNREFUSED'],
  passCredentials: ['ENOMEM'],
  send: [...SEND, 'ETOOMANYREFS'],
  sendWith: [...SEND, 'ETOOMANYREFS'],
  receive: RECEIVE,
  receiveWith: RECEIVE,
  ringDoorbell: ['ENOBUFS', 'ENOMEM'],
  shutdown: ['ENOTCONN'],
  wait: ['ENOMEM'],
  peerCredentials: ['ENOMEM'],
  peerGroups: ['ENOMEM'],
  peerPidfd: [...NEW_DESCRIPTOR, 'ESRCH', 'ENODATA'],
  pidfdOpen: [...NEW_DESCRIPTOR, 'ESRCH'],
  processImage: ['EACCES', 'ENOENT', 'ENOMEM'],
  processStat: ['EMFILE', 'ENOENT', 'ENOMEM'],
  watchOpen: ['EMFILE', 'ENOMEM'],
};

/** Calls of one function that one scenario may make: more means that it never ends. */
const CALLS_MAX = 200;

/** Far over what a scenario takes; under the handshake's own limit, which must not be needed. */
const HANG_MS = 4000;

let folder = '';
let paths = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-faults-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function errnoOf(name: Errno): number {
  return name === 'ETOOMANYREFS' ? 109 : constants.errno[name];
}

/** A binding whose `name` fails at its `nth` call. */
function faulty(name: FunctionName, nth: number, errno: number) {
  let calls = 0;
  const real = native[name] as (...args: unknown[]) => unknown;
  const fault = (...args: unknown[]): unknown => {
    if (++calls !== nth) return real(...args);
    // The descriptor is gone, whatever close() says. Source: close(2), "Dealing with errors".
    if (name === 'close') real(...args);
    return -errno;
  };
  const binding = new Proxy(native, {
    get: (target, key) => (key === name ? fault : Reflect.get(target, key)),
  });
  return { binding, wasReached: () => calls >= nth };
}

/** Both sides of one connection in this process, over one binding. */
class Scenario {
  readonly errors: unknown[] = [];
  readonly #native: NativeBinding;
  readonly #path = join(folder, `s${paths++}`);
  readonly #closers: (() => unknown)[] = [];
  readonly #atServer = new Recorder();
  readonly #atClient = new Recorder();
  #server: Link | undefined;

  constructor(binding: NativeBinding) {
    this.#native = binding;
  }

  /** @returns how far it came; `done` when all of it worked */
  async run(): Promise<string> {
    let hasHung = false;
    const timer = setTimeout(() => (hasHung = true), HANG_MS);
    try {
      return await this.#run();
    } catch (error) {
      this.errors.push(error);
      return 'failed';
    } finally {
      clearTimeout(timer);
      for (const close of this.#closers.toReversed()) await close();
      if (hasHung) this.errors.push(new Error('It hung'));
    }
  }

  async #run(): Promise<string> {
    this.#listen();
    const outgoing = await connectShm(this.#native, this.#path, OPTIONS);
    this.#closers.push(() => outgoing.close());
    const { link } = await outgoing.request(Uint8Array.of(1));
    if (link === undefined) return 'refused';
    this.#closers.push(() => link.close());
    link.start(this.#atClient, LINK_LIMITS);
    const steps = [
      () => this.#echo(link),
      () => this.#section(link),
      () => this.#handles(link),
      () => this.#blockingWait(link),
    ];
    for (const step of steps) {
      await step();
      if (this.#hasEnded()) return 'ended';
    }
    link.close();
    await waitUntil('the end', () => this.#atServer.ends.length === 1, HANG_MS);
    return 'done';
  }

  #listen(): void {
    const listener = listenShm(this.#native, this.#path, {
      ...OPTIONS,
      mode: 0o600,
      pendingConnectsMax: 4,
      busyPayload: Uint8Array.of(66),
      onIncoming: (incoming) => {
        try {
          const server = incoming.accept(Uint8Array.of(2));
          this.#server = server;
          this.#closers.push(() => server.close());
          this.#atServer.onEach = (body) => this.#answer(server, body);
          server.start(this.#atServer, LINK_LIMITS);
        } catch (error) {
          this.errors.push(error);
          incoming.reject(Uint8Array.of(66));
        }
      },
    });
    this.#closers.push(() => listener.close());
  }

  /** As a port would: what cannot be taken is an error of the message, not of the link. */
  #answer(server: Link, body: Uint8Array): void {
    const [kind = 0, id = 0, length = 0] = body;
    try {
      if (kind === 2) {
        const bytes = server.sections?.take({ sectionId: id, lengthBytes: length * 1000 });
        if (bytes?.every((byte) => byte === 7) !== true) throw new Error('Another section came');
      }
      if (kind === 3) for (const fd of server.companions!.takeHandles(id)) native.close(fd);
    } catch (error) {
      if (isPortError(error) && error.code === 'PROTOCOL_ERROR') throw error;
      this.errors.push(error);
    }
    this.#send(server, body);
  }

  #send(link: Link, body: Uint8Array): void {
    const claim = link.hasEnded ? undefined : link.tryClaim(body.length);
    if (claim === undefined) return;
    claim.bytes.set(body, claim.offset);
    link.commit(body.length);
  }

  async #exchange(link: Link, ...body: number[]): Promise<void> {
    const before = this.#atClient.records.length;
    this.#send(link, Uint8Array.from(body));
    await this.#until('an answer', () => this.#atClient.records.length > before);
  }

  #echo(link: Link): Promise<void> {
    return this.#exchange(link, 1);
  }

  async #section(link: Link): Promise<void> {
    const data = new Uint8Array(100_000).fill(7);
    const place = () => link.sections?.tryPlace([data], data.length);
    const placed = await this.#placed(place);
    if (placed !== undefined) await this.#exchange(link, 2, placed.sectionId, 100);
  }

  async #handles(link: Link): Promise<void> {
    const passed = native.memfdCreate('passed', 10);
    try {
      const id = await this.#placed(() => link.companions?.tryPlaceHandles([passed]));
      if (id !== undefined) await this.#exchange(link, 3, id);
    } finally {
      native.close(passed);
    }
  }

  async #placed<T>(place: () => T | undefined): Promise<T | undefined> {
    let placed: T | undefined;
    const tryPlace = (): boolean => {
      try {
        placed = place();
        return placed !== undefined;
      } catch (error) {
        this.errors.push(error);
        return true;
      }
    };
    await this.#until('room', tryPlace);
    return placed;
  }

  async #blockingWait(link: Link): Promise<void> {
    if (this.#server !== undefined) this.#send(this.#server, Uint8Array.of(4));
    const before = this.#atClient.records.length;
    this.#server?.flush();
    link.wait(1000);
    await this.#until('a record', () => this.#atClient.records.length > before);
  }

  #hasEnded(): boolean {
    return this.#atServer.ends.length + this.#atClient.ends.length > 0;
  }

  #until(what: string, condition: () => boolean): Promise<void> {
    return waitUntil(what, () => this.#hasEnded() || condition(), HANG_MS);
  }
}

const OPTIONS = { ...LINK_OPTIONS, handshakeTimeoutMs: 20_000 };

/** Regions and sections that are mapped. */
function mappedRegions(): number {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return maps.filter((line) => line.includes('memfd:portcall')).length;
}

/** A PortError; or where the contract says so, the kernel's own error. */
function isCoded(error: unknown): boolean {
  if (isPortError(error)) return true;
  return error instanceof Error && 'syscall' in error && 'errno' in error;
}

async function runWith(name: FunctionName, nth: number, errno: Errno): Promise<boolean> {
  const base = openDescriptors();
  const { binding, wasReached } = faulty(name, nth, errnoOf(errno));
  const scenario = new Scenario(binding);
  const outcome = await scenario.run();
  const where = `${name} fails with ${errno} at call ${nth}: ${outcome}`;
  const uncoded = scenario.errors.filter((error) => !isCoded(error));
  expect(uncoded.map((error) => `${where}: ${String(error)}`)).toEqual([]);
  if (!wasReached()) expect(where).toMatch(/: done$/);
  await expectDescriptors(base);
  // What cannot be revoked is unmapped when it is collected.
  if (name !== 'revoke') expect(mappedRegions()).toBeLessThanOrEqual(mappedBefore);
  return wasReached();
}

let mappedBefore = 0;

describe.skipIf(process.platform !== 'linux')('a system call that fails once', () => {
  it('lets everything work when none does', async () => {
    const scenario = new Scenario(native);
    expect(await scenario.run()).toBe('done');
    expect(scenario.errors).toEqual([]);
  });

  it.each(Object.keys(FAULTS) as FunctionName[])('%s', async (name) => {
    mappedBefore = mappedRegions();
    let injected = 0;
    for (const errno of FAULTS[name] ?? []) {
      for (let nth = 1; await runWith(name, nth, errno); nth++) {
        injected++;
        if (nth > CALLS_MAX) throw new Error(`${name} is called without end`);
      }
      expect(`after ${errno}: ${await new Scenario(native).run()}`).toBe(`after ${errno}: done`);
    }
    if (!NOT_CALLED.has(name)) expect(injected).toBeGreaterThan(0);
  });
});

/** Fallbacks of other functions, not called where those work. */
const NOT_CALLED: ReadonlySet<FunctionName> = new Set(['pidfdOpen']);
