import {
  ATTRIBUTE_WORDS,
  DEFAULT_PORT_ATTRIBUTES,
  HANDLE_TYPES,
  IMPERSONATION_LEVELS,
  NUMERIC_ATTRIBUTES,
  type PortAttributes,
} from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import {
  attributeWords,
  attributesFromWords,
  completeAttributes,
  effectiveAttributes,
} from './attributes.js';

/** Any attributes that a port can have; bandwidth as it crosses the wire, in whole KiB. */
const anyAttributes: fc.Arbitrary<PortAttributes> = fc
  .record({
    numbers: fc.array(fc.integer({ min: 1, max: 60_000 }), {
      minLength: NUMERIC_ATTRIBUTES.length,
      maxLength: NUMERIC_ATTRIBUTES.length,
    }),
    dupObjectTypes: fc.subarray([...HANDLE_TYPES]),
    allowImpersonation: fc.constantFrom(...IMPERSONATION_LEVELS),
    memoryBandwidth: fc.oneof(
      fc.constant(Infinity),
      fc.integer({ min: 1, max: 2 ** 31 - 2 }).map((kib) => kib * 1024),
    ),
  })
  .map(({ numbers, ...others }) =>
    completeAttributes({
      ...Object.fromEntries(NUMERIC_ATTRIBUTES.map((name, index) => [name, numbers[index]])),
      ...others,
    }),
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
    for (const name of NUMERIC_ATTRIBUTES) {
      expect(() => completeAttributes({ [name]: value })).toThrow(RangeError);
    }
  });

  it('takes the largest value, for connect info a smaller one', () => {
    for (const name of NUMERIC_ATTRIBUTES) {
      if (name === 'maxConnectInfo') continue;
      expect(completeAttributes({ [name]: 2 ** 31 - 1 })[name]).toBe(2 ** 31 - 1);
    }
    expect(completeAttributes({ maxConnectInfo: 61_440 }).maxConnectInfo).toBe(61_440);
    expect(() => completeAttributes({ maxConnectInfo: 61_441 })).toThrow(RangeError);
  });

  it.each([
    ['memoryBandwidth', 1023],
    ['memoryBandwidth', 0],
    ['memoryBandwidth', -Infinity],
    ['memoryBandwidth', NaN],
    ['memoryBandwidth', undefined],
    ['memoryBandwidth', null],
    ['memoryBandwidth', 'much'],
    ['dupObjectTypes', ['file', 'device']],
    ['dupObjectTypes', ['']],
    ['allowImpersonation', 'delegate'],
    ['allowImpersonation', undefined],
    ['allowImpersonation', 2],
  ])('throws RangeError for %s %s', (name, value) => {
    expect(() => completeAttributes({ [name]: value })).toThrow(RangeError);
  });

  it('takes the smallest bandwidth that can be stated', () => {
    expect(completeAttributes({ memoryBandwidth: 1024 }).memoryBandwidth).toBe(1024);
  });
});

describe('effectiveAttributes()', () => {
  it('takes the smaller of each, whoever asks', () => {
    fc.assert(
      fc.property(anyAttributes, anyAttributes, (ours, theirs) => {
        const effective = effectiveAttributes(ours, theirs);
        expect(effectiveAttributes(theirs, ours)).toEqual(effective);
        for (const name of [...NUMERIC_ATTRIBUTES, 'memoryBandwidth'] as const) {
          expect(effective[name]).toBe(Math.min(ours[name], theirs[name]));
        }
        const common = HANDLE_TYPES.filter((type) =>
          [ours, theirs].every(({ dupObjectTypes }) => dupObjectTypes.includes(type)),
        );
        expect(effective.dupObjectTypes).toEqual(common);
        const levels = [ours, theirs].map(({ allowImpersonation }) => allowImpersonation);
        const lowest = IMPERSONATION_LEVELS.find((level) => levels.includes(level));
        expect(effective.allowImpersonation).toBe(lowest);
      }),
    );
  });
});

describe('attributeWords() and attributesFromWords()', () => {
  it('bring all over', () => {
    fc.assert(
      fc.property(anyAttributes, (attributes) => {
        expect(attributesFromWords(attributeWords(attributes))).toEqual(attributes);
      }),
    );
  });

  it('state types by their bits, the level by its number, bandwidth in KiB', () => {
    const words = attributeWords(
      completeAttributes({
        dupObjectTypes: ['directory', 'socket'],
        allowImpersonation: 'impersonate',
        memoryBandwidth: 5 * 1024 + 1023,
      }),
    );
    expect(words.slice(NUMERIC_ATTRIBUTES.length)).toEqual([2 + 16, 2, 5]);
    expect(attributeWords(DEFAULT_PORT_ATTRIBUTES).slice(-1)).toEqual([2 ** 31 - 1]);
  });

  const GOOD = attributeWords(DEFAULT_PORT_ATTRIBUTES);
  it.each([
    ['one word less', GOOD.slice(0, -1)],
    ['no words', []],
    ['a number of 0', GOOD.with(0, 0)],
    ['the last number of 0', GOOD.with(12, 0)],
    ['a number over 2^31 − 1', GOOD.with(5, 2 ** 31)],
    ['a sixth handle type', GOOD.with(13, 32)],
    ['a fourth level', GOOD.with(14, 3)],
    ['a bandwidth of 0', GOOD.with(15, 0)],
    ['a bandwidth over 2^31 − 1', GOOD.with(15, 2 ** 31)],
  ])('throw PROTOCOL_ERROR for %s', (_, words) => {
    expect(codeOf(() => attributesFromWords(words))).toBe('PROTOCOL_ERROR');
  });

  it('take the largest values, and skip words of a later version', () => {
    const largest = [...GOOD.map(() => 2 ** 31 - 1).slice(0, 13), 31, 2, 2 ** 31 - 1];
    expect(largest).toHaveLength(ATTRIBUTE_WORDS);
    expect(attributesFromWords([...largest, 0, 7])).toMatchObject({
      maxMessageLength: 2 ** 31 - 1,
      dupObjectTypes: HANDLE_TYPES,
      allowImpersonation: 'impersonate',
      memoryBandwidth: Infinity,
    });
  });
});
