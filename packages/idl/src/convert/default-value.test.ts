import { FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';
import { formatFloat } from './default-value.js';

describe('formatFloat()', () => {
  // Expected texts are those of C's printf with %.15g, %.17g, %.6g and %.9g.
  it.each([
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [0.1, '0.1'],
    [1e20, '1e+20'],
    [123456789012345, '123456789012345'],
    [1e15, '1e+15'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1 / 3, '0.33333333333333331'],
    [5e-324, '4.94065645841247e-324'],
    [Infinity, 'inf'],
    [-Infinity, '-inf'],
    [NaN, 'nan'],
  ])('writes the double %d as %s', (value, text) => {
    expect(formatFloat(value, Type.DOUBLE)).toBe(text);
  });

  it.each([
    [0.1, '0.1'],
    [1 / 3, '0.333333343'],
    [16777216, '16777216'],
    [1e10, '1e+10'],
  ])('writes the float %d as %s', (value, text) => {
    expect(formatFloat(value, Type.FLOAT)).toBe(text);
  });
});
