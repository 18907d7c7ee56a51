import { createBatchedSender } from '../framing/batched-sender.js';
import { createDirectSender } from '../framing/direct-sender.js';
import { FrameClient } from '../framing/frame-client.js';
import { TAKE_FLAG } from '../framing/frame-layout.js';
import { serveFrames, type FrameHandlers } from '../framing/frame-server.js';
import type { TakeReply } from '../gen/proto/echo.js';
import { takeReplyFor } from './sample.js';
import { socketPath } from './socket-path.js';
import { StreamCheck, streamPayload } from './stream-item.js';
import type { Driver, Subject } from './subject.js';

/** Frames on a Unix socket whose bodies are the payloads as they are. */
export function createNetBytes(name: 'net' | 'net-batch'): Subject {
  const createSender = name === 'net' ? createDirectSender : createBatchedSender;
  return {
    serve: () => serveFrames(socketPath(name), createSender, handlers),
    connect: async () => {
      const client = await FrameClient.connect(socketPath(name), createSender);
      return {
        name,
        call: ({ payload }) => client.call({ flag: 0, body: payload, decode: same }),
        payloadOf: (reply) => reply as Buffer,
        take: ({ payload }) => client.call({ flag: TAKE_FLAG, body: payload, decode: readTake }),
        receive: async ({ count, payloadBytes }) => {
          const check = new StreamCheck(count, payloadBytes);
          const body = new Uint8Array(Uint32Array.of(count, payloadBytes).buffer);
          client.stream(body, (item) => check.take(item));
          await check.done;
        },
        close: () => client.close(),
      } satisfies Driver;
    },
  };
}

const handlers: FrameHandlers = {
  echo: (body) => body,
  take: (body) => {
    const { length, sample } = takeReplyFor(body);
    const reply = Buffer.allocUnsafe(8);
    reply.writeUInt32LE(length, 0);
    reply.writeUInt32LE(sample, 4);
    return reply;
  },
  *stream(body) {
    const count = body.readUInt32LE(0);
    const payloadBytes = body.readUInt32LE(4);
    for (let index = 0; index < count; index++) yield streamPayload(index, payloadBytes);
  },
};

function same(body: Buffer): Buffer {
  return body;
}

function readTake(body: Buffer): TakeReply {
  return { length: body.readUInt32LE(0), sample: body.readUInt32LE(4) };
}
