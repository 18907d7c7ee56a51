import { describe, expect, it } from 'vitest';

import { ownData } from './message-data.js';

function dataIn(bytes: Uint8Array, isPrivate: boolean) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { bytes, view, offset: 2, lengthBytes: 3, isPrivate };
}

describe('ownData()', () => {
  it('copies borrowed bytes', () => {
    const bytes = Uint8Array.of(0, 0, 1, 2, 3, 0);
    const own = ownData(dataIn(bytes, false));
    bytes.fill(9);
    expect([...own]).toEqual([1, 2, 3]);
  });

  it('copies out of a Buffer, whose slice() would not', () => {
    // A socket's pieces are Buffers: a view would keep all of the piece, and show it to programs.
    const bytes = Buffer.from([0, 0, 1, 2, 3, 0]);
    const own = ownData(dataIn(bytes, false));
    bytes.fill(9);
    expect([...own]).toEqual([1, 2, 3]);
    expect(own.buffer.byteLength).toBe(3);
  });

  it('hands out private bytes as they are', () => {
    const bytes = Uint8Array.of(0, 0, 1, 2, 3, 0);
    expect(ownData(dataIn(bytes, true)).buffer).toBe(bytes.buffer);
  });
});
