import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ADDON_FILE, nativeBinding } from '../test/support/addon.js';
import { expectDescriptors, openDescriptors } from '../test/support/descriptors.js';
import { runNode } from '../test/support/node-process.js';
import { waitUntil } from '../test/support/wait-until.js';
import type { NativeBinding, Prepare } from './binding.js';
import { errnoName } from './system-error.js';

const native = nativeBinding();
let base: string[] = [];
beforeEach(() => void (base = openDescriptors()));
afterEach(() => expectDescriptors(base));

type Arguments = Parameters<NativeBinding['prepareOpen']>;

function opened(...callbacks: Arguments): Prepare {
  const prepare = native.prepareOpen(...callbacks);
  if (typeof prepare === 'number') throw new Error(errnoName(prepare));
  return prepare;
}

describe('prepareStart()', () => {
  it('looks before each poll of the loop until it is stopped', async () => {
    let looks = 0;
    const prepare = opened(
      () => void looks++ as never,
      () => undefined,
    );
    await sleep(2);
    expect(looks).toBe(0);
    expect(native.prepareStart(prepare, 1)).toBe(0);
    await waitUntil('some looks', () => looks > 3);
    native.prepareStart(prepare, 0);
    const before = looks;
    await sleep(5);
    expect(looks).toBe(before);
  });

  it('tells whether the loop may block, and which round it is', async () => {
    const seen: [boolean, number][] = [];
    const prepare = opened(
      (...args) => {
        seen.push(args);
        return args[1] < 2;
      },
      () => undefined,
    );
    native.prepareStart(prepare, 1);
    await nextTurn();
    // On a busy machine a timer may be due before the loop has anything to wait for.
    await waitUntil('a turn that may block', () =>
      seen.some(([mayBlock, round]) => mayBlock && round === 0),
    );
    native.prepareStart(prepare, 0);
    expect(seen.slice(0, 3)).toEqual([
      [false, 0],
      [false, 1],
      [false, 2],
    ]);
    expect(seen).toContainEqual([true, 0]);
  });

  it('runs ticks and microtasks behind each run, before it looks again', async () => {
    const order: string[] = [];
    const prepare = opened(
      (_, round) => {
        if (order.length < 8) order.push(`look ${round}`);
        return order.length < 8;
      },
      () => {
        order.push('run');
        process.nextTick(() => order.push('tick'));
        void Promise.resolve().then(() => order.push('microtask'));
      },
    );
    native.prepareStart(prepare, 1);
    await waitUntil('two rounds', () => order.length >= 8);
    native.prepareStart(prepare, 0);
    const round = ['run', 'tick', 'microtask'];
    expect(order).toEqual(['look 0', ...round, 'look 1', ...round]);
  });

  it('throws for what is no such handle', () => {
    const fd = native.memfdCreate('none', 0);
    for (const other of [{}, 5, null, undefined, () => 1]) {
      expect(() => native.prepareStart(other as never, 1)).toThrow(TypeError);
    }
    native.close(fd);
    const watch = native.watchOpen(native.pidfdOpen(process.pid), () => undefined);
    expect(() => native.prepareStart(watch as never, 1)).toThrow(TypeError);
    native.watchClose(watch as never);
    base = openDescriptors();
  });
});

describe('a process', () => {
  it('is not kept alive by it', async () => {
    const { code } = await runNode(`
      globalThis.kept = binding.prepareOpen(() => false, () => undefined);
      binding.prepareStart(globalThis.kept, 1);
    `);
    expect(code).toBe(0);
  });

  it('hears of what its callbacks throw, and goes on', async () => {
    const { code, output } = await runNode(`
      process.on('uncaughtException', (error) => console.log('caught ' + error.message));
      let looks = 0;
      const prepare = binding.prepareOpen(
        () => {
          if (++looks === 1) throw new Error('look');
          if (looks === 3) binding.prepareStart(prepare, 0);
          return looks === 2;
        },
        () => { throw new Error('run'); },
      );
      binding.prepareStart(prepare, 1);
      // Turns of the loop until then, not a time: there may be few in it.
      const giveUpAt = performance.now() + 5000;
      const turn = () => {
        if (looks > 2 || performance.now() > giveUpAt) console.log('looks', looks > 2);
        else setImmediate(turn);
      };
      turn();
    `);
    expect(output.trim().split('\n')).toEqual(['caught look', 'caught run', 'looks true']);
    expect(code).toBe(0);
  });

  it('may end workers that have it started, again and again', async () => {
    const { code, signal, output } = await runNode(
      `
      for (let round = 0; round < 30; round++) {
        const thread = new threads.Worker(process.argv[1], { eval: true, execArgv: [],
          workerData: { addon: process.argv[2] } });
        await new Promise((resolve) => thread.once('message', resolve));
        await thread.terminate();
      }
      console.log('done');
    `,
      {
        args: [
          `const { parentPort, workerData } = require('node:worker_threads');
           const binding = require(workerData.addon);
           const turn = () => { setImmediate(() => undefined); return false; };
           globalThis.kept = binding.prepareOpen(turn, () => undefined);
           binding.prepareStart(globalThis.kept, 1);
           parentPort.postMessage('ready');
           setInterval(() => undefined, 1000);`,
          ADDON_FILE,
        ],
      },
    );
    expect(output.trim()).toBe('done');
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  });
});
