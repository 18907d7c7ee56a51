import { ATTRIBUTE, ATTRIBUTES_KNOWN } from '@portcall/wire';
import { describe, expect, it } from 'vitest';

import { ATTRIBUTE_NAMES, wantedBits, type AttributeName } from './message-attributes.js';

describe('wantedBits()', () => {
  it.each<readonly [AttributeName, number]>([
    ['security', ATTRIBUTE.SECURITY],
    ['token', ATTRIBUTE.SECURITY],
    ['handle', ATTRIBUTE.HANDLE],
    ['direct', ATTRIBUTE.DIRECT],
    ['workOnBehalf', ATTRIBUTE.WORK_ON_BEHALF],
    ['onBehalfOf', ATTRIBUTE.ON_BEHALF_OF],
    ['deadline', ATTRIBUTE.DEADLINE],
    ['view', 0],
    ['context', 0],
  ])('of %s is %i', (name, bits) => expect(wantedBits([name])).toBe(bits));

  it('adds them up, each once', () => {
    expect(wantedBits([])).toBe(0);
    expect(wantedBits(['security', 'token', 'security', 'deadline'])).toBe(1 + 32);
    expect(wantedBits(ATTRIBUTE_NAMES)).toBe(ATTRIBUTES_KNOWN);
  });

  it.each(['', 'Security', 'toString', 'SECURITY'])('throws TypeError for "%s"', (name) => {
    expect(() => wantedBits(['deadline', name as AttributeName])).toThrow(TypeError);
  });
});
