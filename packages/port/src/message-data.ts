/**
 * Data of a message, borrowed: valid only until the function that got it returns, unless
 * `isPrivate`.
 */
export interface MessageData {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** First byte of the data in `bytes`. */
  readonly offset: number;
  readonly lengthBytes: number;
  /** The bytes belong to this message alone: parts of them may be kept without a copy. */
  readonly isPrivate: boolean;
}

/** Data to keep: a copy, or the bytes themselves when they are private. */
export function ownData(data: MessageData): Uint8Array {
  const { bytes, offset, lengthBytes } = data;
  if (data.isPrivate) return bytes.subarray(offset, offset + lengthBytes);
  // Not slice(): on a Buffer that is a view.
  return new Uint8Array(bytes.subarray(offset, offset + lengthBytes));
}
