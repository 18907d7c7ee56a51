import { describe, expect, it } from 'vitest';

import { PrivateView } from './view.js';

function viewOf(length: number) {
  const bytes = new Uint8Array(length).fill(7);
  let released = 0;
  const view = new PrivateView(bytes, (given) => {
    expect(given).toBe(bytes);
    released++;
  });
  return { bytes, view, releasedCount: () => released };
}

describe('PrivateView', () => {
  it('shows the data until it is released, then nothing', () => {
    const { bytes, view, releasedCount } = viewOf(100);
    expect(view.bytes).toBe(bytes);
    view.release();
    expect(view.bytes.length).toBe(0);
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
    expect([first.releasedCount(), first.view.bytes.length]).toEqual([1, 0]);
    const second = viewOf(10);
    second.view.retain();
    second.view.releaseUnlessRetained();
    expect([second.releasedCount(), second.view.bytes.length]).toEqual([0, 10]);
    second.view[Symbol.dispose]();
    expect(second.releasedCount()).toBe(1);
  });

  it('can be empty', () => {
    const { view, releasedCount } = viewOf(0);
    view.release();
    expect(releasedCount()).toBe(1);
  });
});
