import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { nativeBinding } from '../test/support/native.js';
import { waitUntil } from '../test/support/wait-until.js';
import { FdWatch } from './fd-watch.js';
import { BeforeBlock, beforeBlockOf, type AwakeSide } from './before-block.js';

const native = nativeBinding();

/** A side whose records and patience are the test's. */
class FakeSide implements AwakeSide {
  records = 0;
  /** How many of them the next `takeRecords` takes. */
  atOnce = Infinity;
  taken = 0;
  /** Idle moments that are waited out. */
  patience = 0;
  rests = 0;
  onTake: (() => void) | undefined;

  hasRecords(): boolean {
    return this.records > 0;
  }

  takeRecords(): void {
    const count = Math.min(this.records, this.atOnce);
    this.records -= count;
    this.taken += count;
    this.onTake?.();
  }

  tryRest(): boolean {
    if (this.patience-- > 0) return false;
    this.rests++;
    return true;
  }
}

let beforeBlock: BeforeBlock;
let sides: FakeSide[] = [];
beforeEach(() => {
  beforeBlock = new BeforeBlock(native);
  sides = [new FakeSide(), new FakeSide(), new FakeSide()];
});
afterEach(() => {
  for (const side of sides) beforeBlock.remove(side);
});

const takenBy = (side: FakeSide | undefined) => side?.taken ?? 0;

describe('BeforeBlock', () => {
  it('sends a side to sleep when the loop would block, and asks it no more', async () => {
    const [side] = sides;
    beforeBlock.add(side!);
    await waitUntil('its rest', () => side!.rests > 0);
    await sleep(5);
    expect(side!.rests).toBe(1);
  });

  it('lets it stay awake while the loop is busy, and takes what comes meanwhile', async () => {
    const [side] = sides;
    beforeBlock.add(side!);
    for (let turn = 0; turn < 10; turn++) {
      side!.records = 1;
      await nextTurn();
      await nextTurn();
      expect(side!.taken).toBe(turn + 1);
    }
    expect(side!.rests).toBe(0);
    await waitUntil('its rest', () => side!.rests > 0);
  });

  it('asks a side before the loop blocks, descriptors to register or not', async () => {
    const [side] = sides;
    const pidfd = native.pidfdOpen(process.pid);
    const watch = new FdWatch(native, pidfd, () => undefined);
    beforeBlock.add(side!);
    // The timer is the first to run once the loop wakes: a side that was not asked before that
    // would have stayed awake, without a doorbell, for as long.
    await sleep(50);
    const { rests } = side!;
    watch.close();
    native.close(pidfd);
    expect(rests).toBe(1);
  });

  it('takes what came before it lets anybody sleep', async () => {
    for (const side of sides) {
      side.records = 2;
      beforeBlock.add(side);
    }
    await waitUntil('all to rest', () => sides.every((side) => side.rests === 1));
    expect(sides.map(takenBy)).toEqual([2, 2, 2]);
  });

  it('waits for a side that wants to wait, and turns the loop meanwhile', async () => {
    const [side] = sides;
    side!.patience = 200; // 20 µs each.
    let turns = 0;
    beforeBlock.add(side!);
    const timer = setInterval(() => turns++, 1);
    await waitUntil('its rest', () => side!.rests > 0);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it('gives the loop a turn though records come without end', async () => {
    const [side] = sides;
    side!.records = Infinity;
    side!.atOnce = 1;
    beforeBlock.add(side!);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    const taken = side!.taken;
    expect(taken).toBeGreaterThan(0);
    side!.records = 0;
    await waitUntil('its rest', () => side!.rests > 0);
  });

  it('bears with sides that come and go while records are taken', async () => {
    const [first, second, third] = sides;
    for (const side of sides) side.records = 1;
    third!.onTake = () => {
      third!.onTake = undefined;
      beforeBlock.remove(third!);
      beforeBlock.remove(first!);
    };
    beforeBlock.add(first!);
    beforeBlock.add(second!);
    beforeBlock.add(third!);
    await waitUntil('the rest of who stayed', () => second!.rests === 1);
    expect(second!.taken).toBe(1);
    expect(third!.taken).toBe(1);
    expect([first!.rests, third!.rests]).toEqual([0, 0]);
    beforeBlock.add(first!);
    await waitUntil('the rest of who came back', () => first!.rests === 1);
  });

  it('is one for each thread', () => {
    expect(beforeBlockOf(native)).toBe(beforeBlockOf(native));
  });
});
