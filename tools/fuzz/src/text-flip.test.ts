/*
 * Threat: the peer owns the memory that its records and sections are in, and changes texts, bytes
 * and maps there while they are decoded. What is decoded is one private copy. A short part of
 * `npm run fuzz -- --target flip`, in threads; the built modules, since a thread needs a file.
 */
import { describe, expect, it } from 'vitest';

import { loadNative } from '@portcall/native';

import { FLIP_SIZES, flipTexts } from '../dist/text-flip.js';

const LIMITS = { timeMs: 250, seed: 3 };
const { reason } = loadNative();

describe.each(['ring', 'section'] as const)('messages changed in a %s', (kind) => {
  // Sections need the addon; the reason says why there is none.
  const isMissing = kind === 'section' && reason !== undefined;
  it.skipIf(isMissing).each(FLIP_SIZES)('of %i bytes are each one copy', async (sizeBytes) => {
    const { faults, reads, mixed, rounds } = await flipTexts(kind, sizeBytes, LIMITS);
    expect(faults).toEqual([]);
    expect(reads).toBeGreaterThan(0);
    expect(rounds).toBeGreaterThan(0);
    // Mixed or refused: the attack reached what was read.
    expect(mixed).toBeGreaterThan(0);
  });
});

describe('messages decoded where they lie, the planted fault', () => {
  it('are found not to be one copy', async () => {
    const { faults } = await flipTexts('planted', 4096, { ...LIMITS, timeMs: 10_000 });
    expect(faults).not.toEqual([]);
  });
});
