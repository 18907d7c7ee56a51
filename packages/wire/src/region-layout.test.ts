import { describe, expect, it } from 'vitest';

import { isRingBytes } from './region-layout.js';

describe('isRingBytes()', () => {
  it.each([4096, 8192, 32_768, 16 * 1024 * 1024])('admits %i', (bytes) => {
    expect(isRingBytes(bytes)).toBe(true);
  });

  it.each([0, 1, 2048, 4095, 4097, 5000, 12_288, 32 * 1024 * 1024, -4096, Number.NaN, 2 ** 32])(
    'refuses %d',
    (bytes) => expect(isRingBytes(bytes)).toBe(false),
  );
});
