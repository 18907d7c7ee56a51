/*
 * A thread that waits without its event loop, and the event loop that goes on afterwards: neither
 * may take a wake-up away from the other.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ChildProcess } from 'node:child_process';
import type { Link } from '@portcall/transport';

import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import {
  LINK_LIMITS,
  LINK_OPTIONS,
  Recorder,
  linkPair,
  loneLink,
  sendRecord,
} from '../test/support/link-parts.js';
import { nativeBinding } from '../test/support/native.js';
import { runShmProgram, startShmProgram } from '../test/support/shm-program.js';
import { waitUntil } from '../test/support/wait-until.js';
import { connectShm } from './connect-shm.js';
import type { ShmLink } from './shm-link.js';

const native = nativeBinding();

/** Sends back what it gets; a 1 comes back three times before it dies, after a 2 it is silent. */
const ECHO = `
  listenShm(native, process.argv[1], { ...OPTIONS, onIncoming(incoming) {
    const link = incoming.accept(new Uint8Array(0));
    let handles = 0;
    const send = (byte) => {
      const claim = link.tryClaim(1);
      claim.bytes[claim.offset] = byte;
      link.commit(1);
    };
    link.start({
      onRecord(bytes, view, offset) {
        const byte = bytes[offset];
        handles += 1;
        try { for (const fd of link.companions.takeHandles(handles)) native.close(fd); }
        catch { handles -= 1; }
        if (byte === 2) return;
        send(byte);
        if (byte !== 1) return;
        send(byte);
        send(byte);
        link.flush();
        process.kill(process.pid, 'SIGKILL');
      },
      onWritable() {},
      onEnd() {},
    }, { recordBytesMax: 2040, takesHandles: true });
  } });
  console.log('listening');
`;

let base: string[] = [];
let folder = '';
let child: ChildProcess | undefined;

beforeEach(() => {
  base = openDescriptors();
  folder = mkdtempSync(join(tmpdir(), 'pc-wait-'));
});
afterEach(async ({ task }) => {
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  child = undefined;
  rmSync(folder, { recursive: true });
  if (task.result?.state !== 'fail') await expectDescriptors(base);
});

/** A link to a process of its own that sends back what it gets. */
async function connected(
  spin = false,
): Promise<{ readonly link: ShmLink; readonly sees: Recorder }> {
  const path = join(folder, 's');
  child = await startShmProgram('echo', ECHO, {}, path);
  const outgoing = await connectShm(native, path, { ...LINK_OPTIONS, spin });
  const { link } = await outgoing.request(new Uint8Array(0));
  const sees = new Recorder();
  link!.start(sees, LINK_LIMITS);
  return { link: link as ShmLink, sees };
}

/** Waits without the event loop. @returns how often it blocked */
function waitWithout(link: Link, condition: () => boolean, deadlineMs = 5000): number {
  const giveUpAt = performance.now() + deadlineMs;
  for (let waits = 0; ; waits++) {
    link.drain();
    if (condition()) return waits;
    const leftMs = giveUpAt - performance.now();
    if (leftMs <= 0 || !link.wait(leftMs)) throw new Error(`waited ${waits} times in vain`);
  }
}

describe('wait()', () => {
  it.each([true, false])(
    'brings a reply without a turn of the event loop (spin: %s)',
    async (spin) => {
      const { link, sees } = await connected(spin);
      let turns = 0;
      const counting = setInterval(() => turns++, 1);
      const turnsBefore = turns;
      for (let round = 1; round <= 300; round++) {
        sendRecord(link, [100]);
        waitWithout(link, () => sees.records.length === round);
      }
      expect(turns).toBe(turnsBefore);
      clearInterval(counting);
      link.close();
    },
  );

  it('takes no wake-up from the event loop, nor the event loop one from it', async () => {
    const { link, sees } = await connected();
    for (let round = 1; round <= 100; round++) {
      sendRecord(link, [100]);
      if (round % 3 === 0) waitWithout(link, () => sees.records.length === round);
      else await waitUntil('the reply', () => sees.records.length === round, 2000);
      // Sometimes in the turn that the waiting has queued, sometimes after it, asleep.
      if (round % 2 === 0) for (let turn = 0; turn < 3; turn++) await nextTurn();
    }
    link.close();
  });

  it('notices the death of the peer, after all that it had sent', async () => {
    const { link, sees } = await connected();
    sendRecord(link, [1]);
    waitWithout(link, () => link.hasEnded);
    expect(sees.records).toEqual([[1], [1], [1]]);
    expect(sees.ends).toEqual([]);
    expect(link.wait(1000)).toBe(false);
    await waitUntil('the end', () => sees.ends.length > 0);
    await nextTurn();
    expect(sees.ends).toEqual([{ kind: 'ended' }]);
  });

  it('brings room for records, and for handles, without a turn of the event loop', async () => {
    const { link, sees } = await connected();
    const body = Array.from({ length: 1000 }, () => 2);
    for (let sent = 0; sent < 100;) {
      const before = sees.writable;
      if (sendRecord(link, body)) sent++;
      else waitWithout(link, () => sees.writable > before);
    }
    for (let sent = 0; sent < 200;) {
      const before = sees.writable;
      const claim = link.tryClaim(1);
      if (claim !== undefined) claim.bytes[claim.offset] = 2;
      if (claim !== undefined && link.companions.tryPlaceHandles([0]) !== undefined) {
        link.commit(1);
        sent++;
      } else {
        waitWithout(link, () => sees.writable > before);
      }
    }
    sendRecord(link, [100]);
    waitWithout(link, () => sees.records.length === 1);
    link.close();
  });

  it('blocks for as long as it is told, but never long', async () => {
    const { link } = await connected();
    sendRecord(link, [2]);
    // The turn that starting has queued may have left a doorbell or two.
    for (let turn = 0; turn < 4; turn++) await nextTurn();
    const took = (timeoutMs: number): number => {
      const startedAt = performance.now();
      expect(link.wait(timeoutMs)).toBe(true);
      return performance.now() - startedAt;
    };
    expect(took(20)).toBeGreaterThan(18);
    expect(took(60_000)).toBeLessThan(1000);
    expect(took(0)).toBeLessThan(50);
    link.close();
  });

  it('returns at once when something is there', async () => {
    const [near, far] = linkPair(native);
    const farSees = new Recorder();
    near.start(new Recorder(), LINK_LIMITS);
    far.start(farSees, LINK_LIMITS);
    sendRecord(near, [1]);
    near.flush();
    const startedAt = performance.now();
    expect(far.wait(90)).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(50);
    far.drain();
    expect(farSees.records).toEqual([[1]]);
    near.close();
    expect(far.wait(90)).toBe(true);
    far.drain();
    expect([far.hasEnded, near.hasEnded]).toEqual([true, true]);
  });

  it('sends what was committed in the same turn', async () => {
    const [near, far] = linkPair(native);
    near.start(new Recorder(), LINK_LIMITS);
    far.start(new Recorder(), LINK_LIMITS);
    for (let turn = 0; turn < 4; turn++) await nextTurn(); // Both are asleep.
    sendRecord(near, [1]);
    near.wait(0);
    // The doorbell is in the socket before any turn.
    expect(far.wait(0)).toBe(true);
    near.close();
    far.close();
  });

  it('throws TypeError from inside onRecord, where it would wait for itself', async () => {
    const [near, far] = linkPair(native);
    const farSees = new Recorder();
    near.start(new Recorder(), LINK_LIMITS);
    far.start(farSees, LINK_LIMITS);
    let error: unknown;
    farSees.onEach = () => {
      try {
        far.wait(10);
      } catch (caught) {
        error = caught;
      }
    };
    sendRecord(near, [1]);
    await waitUntil('the record', () => farSees.records.length === 1);
    expect(error).toBeInstanceOf(TypeError);
    near.close();
    far.close();
  });

  it('ends the link for a violation that it reads', async () => {
    const { link, peerRegion, stream } = loneLink(native);
    const sees = new Recorder();
    link.start(sees, LINK_LIMITS);
    native.send(stream.far, Uint8Array.of(200), 0, 1, -1);
    link.wait(50);
    expect(link.hasEnded).toBe(true);
    await waitUntil('the end', () => sees.ends.length > 0);
    expect(sees.ends).toMatchObject([{ kind: 'violation' }]);
    native.revoke(peerRegion.mapping);
    native.close(stream.far);
  });

  it('lets a worker be terminated while it waits', async () => {
    const output = await runShmProgram(
      'worker',
      `
      import { Worker } from 'node:worker_threads';
      listenShm(native, process.argv[1], { ...OPTIONS, onIncoming(incoming) {
        incoming.accept(new Uint8Array(0)).start(
          { onRecord() {}, onWritable() {}, onEnd: ({ kind }) => {
            console.log(kind);
            process.exit();
          } },
          { recordBytesMax: 2040 });
      } });
      const worker = new Worker(\`
        import { workerData, parentPort } from 'node:worker_threads';
        import { loadNative } from '@portcall/native';
        const { connectShm } = await import(workerData.SHM + '/connect-shm.js');
        const { OPTIONS, path } = workerData;
        const outgoing = await connectShm(loadNative().binding, path, OPTIONS);
        const { link } = await outgoing.request(new Uint8Array(0));
        link.start({ onRecord() {}, onWritable() {}, onEnd() {} }, { recordBytesMax: 2040 });
        parentPort.postMessage('waiting');
        for (;;) link.wait(10_000);
      \`, { eval: true, workerData: {
        SHM, path: process.argv[1], OPTIONS: { ...OPTIONS, onIncoming: undefined } } });
      await new Promise((resolve) => worker.once('message', resolve));
      setTimeout(() => worker.terminate(), 50);
      `,
      join(folder, 's'),
    );
    expect(output).toBe('ended\n');
  });
});
