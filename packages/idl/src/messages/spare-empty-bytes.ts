/** A message's part of a generated file begins with the function that makes an empty message. */
const BASE = /^function createBase(\w+)\(\): \1 \{$/m;

/** A `bytes` field without presence, as the empty message has it. */
const EMPTY_FIELD = /(\w+): new Uint8Array\(0\)/g;

/** Where a decoder returns; the only place of a generated file that looks so. */
const DECODED = '      return message;\n    } finally {\n';

/** Name of the constant that is added; ts-proto has no such name, and a message cannot have it. */
const SHARED = 'noBytes$';

/**
 * Spares the empty `bytes` values that ts-proto makes with each message and that decoding or
 * `fromPartial` replaces at once: making one costs as much as decoding several other fields.
 *
 * Until then the field has one empty array that all share. `fromPartial` and `fromJSON` set every
 * field anyway; the decoder gives a field that did not come an array of its own. So no program ever
 * sees the shared one: its buffer could be transferred away from under all messages.
 *
 * @param content a file that ts-proto made
 */
export function spareEmptyBytes(content: string): string {
  const starts = [...content.matchAll(new RegExp(BASE, 'gm'))].map(({ index }) => index);
  const [first] = starts;
  if (first === undefined) return content;
  const parts = starts.map((start, index) => sparePart(content.slice(start, starts[index + 1])));
  const isUsed = parts.some((part) => part.includes(SHARED));
  const constant = isUsed ? `const ${SHARED} = new Uint8Array(0);\n\n` : '';
  return `${content.slice(0, first)}${constant}${parts.join('')}`;
}

function sparePart(part: string): string {
  // The base function ends at its first line with a brace alone.
  const end = part.indexOf('\n}\n');
  const base = part.slice(0, end);
  const names = [...base.matchAll(EMPTY_FIELD)].map(([, name = '']) => name);
  if (names.length === 0 || !part.includes(DECODED)) return part;
  const own = names.map(
    (name) =>
      `      if (message.${name} === ${SHARED}) {\n` +
      `        message.${name} = new Uint8Array(0);\n      }\n`,
  );
  const shared = base.replaceAll(EMPTY_FIELD, (_, name: string) => `${name}: ${SHARED}`);
  return shared + part.slice(end).replace(DECODED, () => `${own.join('')}${DECODED}`);
}
