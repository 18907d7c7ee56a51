import type { PortError } from '@portcall/wire';
import type { MessageHead, PortChannel } from '@portcall/port';

import type { MessageWriter } from './message-writer.js';

/** What to encode, and where to. */
export interface Outgoing {
  readonly channel: PortChannel;
  readonly writer: MessageWriter;
  readonly head: MessageHead;
  /** Bytes that a message like this took before; 0 when there was none. */
  readonly hintBytes: number;
  /** Encodes everything behind the port's header. May throw; then nothing was sent. */
  readonly encode: (writer: MessageWriter) => void;
  /** Looks at the length before anything is sent. May throw. */
  readonly check: (bytes: number) => void;
  /** As in `PortChannel.send`. */
  readonly onSettled?: ((error?: PortError) => void) | undefined;
}

/**
 * Encodes a message into the ring if there is room, else into private memory, and sends it.
 *
 * @returns bytes of data
 * @throws what `encode`, `check` or the port throw; nothing was sent then
 */
export function sendEncoded(outgoing: Outgoing): number {
  const { channel, writer, head, hintBytes, encode, check, onSettled } = outgoing;
  const fitsRing = hintBytes <= channel.inlineBytesMax;
  const space = fitsRing ? channel.claim(hintBytes) : undefined;
  const start = space?.offset ?? 0;
  try {
    writer.begin(space);
    encode(writer);
    if (space !== undefined && writer.isInPlace) {
      const bytes = writer.end - start;
      check(bytes);
      channel.commit(head, writer.end);
      onSettled?.();
      return bytes;
    }
  } catch (error) {
    if (space !== undefined) channel.abort();
    throw error;
  }
  if (space !== undefined) channel.abort();
  const parts = writer.takeParts();
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  check(bytes);
  channel.send(head, parts, onSettled);
  return bytes;
}
