import { DEFAULT_PORT_ATTRIBUTES, PORT_ATTRIBUTE_ORDER } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { completeAttributes, effectiveAttributes } from './attributes.js';

const anyAttributes = fc
  .array(fc.integer({ min: 1, max: 60_000 }), { minLength: 7, maxLength: 7 })
  .map((values) =>
    completeAttributes(
      Object.fromEntries(PORT_ATTRIBUTE_ORDER.map((name, index) => [name, values[index]])),
    ),
  );

describe('completeAttributes()', () => {
  it('gives the defaults for what is left out', () => {
    expect(completeAttributes()).toEqual(DEFAULT_PORT_ATTRIBUTES);
    expect(completeAttributes({ inlineLimit: 5 })).toEqual({
      ...DEFAULT_PORT_ATTRIBUTES,
      inlineLimit: 5,
    });
  });

  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 31, '5', null])('throws RangeError for %s', (value) => {
    for (const name of PORT_ATTRIBUTE_ORDER) {
      expect(() => completeAttributes({ [name]: value })).toThrow(RangeError);
    }
  });

  it('takes the largest value, for connect info a smaller one', () => {
    expect(completeAttributes({ maxMessageLength: 2 ** 31 - 1 }).maxMessageLength).toBe(
      2 ** 31 - 1,
    );
    expect(completeAttributes({ maxConnectInfo: 61_440 }).maxConnectInfo).toBe(61_440);
    expect(() => completeAttributes({ maxConnectInfo: 61_441 })).toThrow(RangeError);
  });
});

describe('effectiveAttributes()', () => {
  it('takes the smaller of each, whoever asks', () => {
    fc.assert(
      fc.property(anyAttributes, anyAttributes, (ours, theirs) => {
        const effective = effectiveAttributes(ours, theirs);
        expect(effectiveAttributes(theirs, ours)).toEqual(effective);
        for (const name of PORT_ATTRIBUTE_ORDER) {
          expect(effective[name]).toBe(Math.min(ours[name], theirs[name]));
        }
      }),
    );
  });
});
