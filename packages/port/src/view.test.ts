import { describe, expect, it } from 'vitest';

import { PrivateView } from './view.js';

function viewOf(length: number) {
  const bytes = new Uint8Array(length).fill(7);
  let released = 0;
  const view = new PrivateView(bytes, () => released++);
  return { bytes, view, releasedCount: () => released };
}

describe('PrivateView', () => {
  it('shows the data until it is released, then nothing, to nobody', () => {
    const { bytes, view, releasedCount } = viewOf(100);
    const other = new Uint8Array(bytes.buffer, 10, 5);
    expect(view.bytes).toBe(bytes);
    view.release();
    expect([view.bytes.length, bytes.length, other.length]).toEqual([0, 0, 0]);
    expect(releasedCount()).toBe(1);
  });

  it('is released once', () => {
    const { view, releasedCount } = viewOf(100);
    view.release();
    view.release();
    view[Symbol.dispose]();
    view.releaseUnlessRetained();
    expect(releasedCount()).toBe(1);
  });

  it('is released when the handler returns, unless it is retained', () => {
    const first = viewOf(10);
    first.view.releaseUnlessRetained();
    expect([first.releasedCount(), first.bytes.length]).toEqual([1, 0]);
    const second = viewOf(10);
    second.view.retain();
    second.view.releaseUnlessRetained();
    expect([second.releasedCount(), second.bytes.length]).toEqual([0, 10]);
    second.view[Symbol.dispose]();
    expect(second.releasedCount()).toBe(1);
  });

  it('can be empty', () => {
    const { view, releasedCount } = viewOf(0);
    view.release();
    expect(releasedCount()).toBe(1);
  });

  it('gives the memory back at once, not at a collection', () => {
    const length = 64 * 1024 * 1024;
    const before = process.memoryUsage().arrayBuffers;
    const { view } = viewOf(length);
    expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThanOrEqual(length);
    view.release();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(length);
  });
});
