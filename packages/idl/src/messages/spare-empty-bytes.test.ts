import { describe, expect, it } from 'vitest';

import { Any } from '../../golden/well-known/out/google/protobuf/any.js';
import { BytesValue } from '../../golden/well-known/out/google/protobuf/wrappers.js';
import { spareEmptyBytes } from './spare-empty-bytes.js';

describe('spareEmptyBytes()', () => {
  it('leaves a file without bytes alone', () => {
    const content = 'function createBaseA(): A {\n  return { id: 0 };\n}\n\nexport const A = {};\n';
    expect(spareEmptyBytes(content)).toBe(content);
  });

  it('leaves a message alone whose decoder it does not know', () => {
    const content = 'function createBaseA(): A {\n  return { b: new Uint8Array(0) };\n}\n\nrest\n';
    expect(spareEmptyBytes(content)).toBe(content);
  });

  it('gives each decoded message an empty array of its own', () => {
    const one = Any.decode(new Uint8Array(0)).value;
    const other = Any.decode(new Uint8Array(0)).value;
    expect(one).toEqual(new Uint8Array(0));
    expect(one).not.toBe(other);
    structuredClone(one, { transfer: [one.buffer as ArrayBuffer] });
    const later = BytesValue.decode(new Uint8Array(0)).value;
    expect(structuredClone(later, { transfer: [later.buffer as ArrayBuffer] })).toHaveLength(0);
  });

  it('gives each partial message an empty array of its own', () => {
    expect(Any.fromPartial({}).value).not.toBe(Any.fromPartial({}).value);
    expect(Any.fromPartial({}).value).toEqual(new Uint8Array(0));
  });
});
