import { FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';
import type { OptionValue } from '../syntax/tree.js';
import { integerRange } from './integer-range.js';

/** Text of a default value as a descriptor holds it, or what was wanted instead. */
export type DefaultValue = { readonly text: string } | { readonly wanted: string };

/** Translates `[default = …]` for a field of a scalar type or an enum. */
export function defaultValue(type: Type, value: OptionValue): DefaultValue {
  const range = integerRange(type);
  if (range !== undefined) {
    const isInside = value.kind === 'int' && value.value >= range.min && value.value <= range.max;
    return isInside
      ? { text: String(value.value) }
      : { wanted: `a whole number from ${range.min} to ${range.max}` };
  }
  switch (type) {
    case Type.BOOL:
      return isWord(value, ['true', 'false']) ?? { wanted: 'true or false' };
    case Type.FLOAT:
    case Type.DOUBLE:
      return floatDefault(type, value);
    case Type.STRING:
      return value.kind === 'string'
        ? { text: Buffer.from(value.bytes).toString('utf8') }
        : { wanted: 'a string' };
    case Type.BYTES:
      return value.kind === 'string' ? { text: escapeBytes(value.bytes) } : { wanted: 'a string' };
    case Type.ENUM:
      return value.kind === 'identifier' && !value.negative
        ? { text: value.text }
        : { wanted: 'the name of a value of the enum' };
    default:
      return { wanted: 'no default for a message' };
  }
}

/** Text of a number as protoc writes it: the shorter of two precisions that reads back the same. */
export function formatFloat(value: number, type: Type): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const isFloat = type === Type.FLOAT;
  const rounded = isFloat ? Math.fround(value) : value;
  const [short, long] = isFloat ? [6, 9] : [15, 17];
  const text = formatGeneral(rounded, short);
  const back = isFloat ? Math.fround(Number(text)) : Number(text);
  return back === rounded ? text : formatGeneral(rounded, long);
}

/** C's `%.<precision>g`. */
function formatGeneral(value: number, precision: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', exponentText = '0'] = value.toExponential(precision - 1).split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= precision) {
    const sign = exponent < 0 ? '-' : '+';
    return `${trimZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return trimZeros(value.toFixed(Math.max(0, precision - 1 - exponent)));
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function floatDefault(type: Type, value: OptionValue): DefaultValue {
  if (value.kind === 'int') return { text: formatFloat(Number(value.value), type) };
  if (value.kind === 'float') return { text: formatFloat(value.value, type) };
  if (value.kind === 'identifier' && /^(?:inf|nan)$/.test(value.text)) {
    return { text: value.negative && value.text === 'inf' ? '-inf' : value.text };
  }
  return { wanted: 'a number, inf or nan' };
}

function isWord(value: OptionValue, words: readonly string[]): DefaultValue | undefined {
  if (value.kind !== 'identifier' || value.negative) return undefined;
  return words.includes(value.text) ? { text: value.text } : undefined;
}

/** C escapes for everything that is not printable ASCII. */
function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const known = ESCAPES.get(byte);
    if (known !== undefined) text += known;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return text;
}

const ESCAPES = new Map([
  [10, '\\n'],
  [13, '\\r'],
  [9, '\\t'],
  [0x22, '\\"'],
  [0x27, "\\'"],
  [0x5c, '\\\\'],
]);
