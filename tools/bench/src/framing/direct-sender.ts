import { FRAME_HEADER_BYTES, writeFrameHeader } from './frame-layout.js';
import type { FrameSender, FrameSink } from './frame-sender.js';

/** Bodies up to this long are cheaper to copy behind their header than to send beside it. */
const JOIN_BYTES_MAX = 64 * 1024;

/** One write, and so one system call, per frame. */
export function createDirectSender(sink: FrameSink): FrameSender {
  return {
    send(id, body) {
      if (body.length > JOIN_BYTES_MAX) {
        sendLarge(sink, id, body);
        return;
      }
      const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + body.length);
      writeFrameHeader(frame, 0, { lengthBytes: body.length, id });
      frame.set(body, FRAME_HEADER_BYTES);
      sink.write(frame);
    },
  };
}

/** A frame whose body goes out from where it is: one `writev` of header and body. */
export function sendLarge(sink: FrameSink, id: number, body: Uint8Array): void {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  writeFrameHeader(header, 0, { lengthBytes: body.length, id });
  sink.cork();
  sink.write(header);
  sink.write(body);
  sink.uncork();
}
