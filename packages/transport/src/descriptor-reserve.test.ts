import { closeSync, openSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { DescriptorReserve } from './descriptor-reserve.js';

describe('isShort()', () => {
  it.each([
    [64, 55, false],
    [64, 56, true],
    [64, 63, true],
    [Infinity, 1_000_000, false],
  ])('with a limit of %d and %d as the lowest free one: %s', (limit, lowest, expected) => {
    expect(new DescriptorReserve(limit).isShort(lowest)).toBe(expected);
  });

  it('looks for itself, and leaves nothing open', () => {
    const lowest = openSync('/dev/null', 'r');
    closeSync(lowest);
    expect(new DescriptorReserve(lowest + 8).isShort()).toBe(true);
    expect(new DescriptorReserve(lowest + 9).isShort()).toBe(false);
    const again = openSync('/dev/null', 'r');
    closeSync(again);
    expect(again).toBe(lowest);
  });

  it('knows the limit of this process', () => {
    expect(new DescriptorReserve().isShort(2 ** 31)).toBe(true);
    expect(new DescriptorReserve().isShort(3)).toBe(false);
  });
});
