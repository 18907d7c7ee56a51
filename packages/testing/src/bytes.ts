/** Bytes of a length, each value told from its neighbours, and different for different seeds. */
export function patternBytes(lengthBytes: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  let state = (seed * 2654435761 + lengthBytes) >>> 0;
  for (let index = 0; index < lengthBytes; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** A message that states its number, then a pattern made from it. At least 4 bytes. */
export function numberedBytes(number: number, lengthBytes: number): Uint8Array {
  const bytes = patternBytes(Math.max(lengthBytes, 4), number);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}

/** The number that `numberedBytes` put there. */
export function numberOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
}

/** Text as bytes. */
export function textBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** Bytes as text. */
export function bytesText(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '(none)' : Buffer.from(bytes).toString('utf8');
}

/** Bytes compared quickly; for large messages, where a matcher's diff would take seconds. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
