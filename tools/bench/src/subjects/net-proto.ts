import { createBatchedSender } from '../framing/batched-sender.js';
import { createDirectSender } from '../framing/direct-sender.js';
import { FrameClient } from '../framing/frame-client.js';
import { TAKE_FLAG } from '../framing/frame-layout.js';
import { serveFrames, type FrameHandlers } from '../framing/frame-server.js';
import { EchoReply, EchoRequest, TakeReply, TakeRequest } from '../gen/proto/echo.js';
import { takeReplyFor } from './sample.js';
import { socketPath } from './socket-path.js';
import type { Driver, Subject } from './subject.js';

/**
 * Frames on a Unix socket whose bodies are protobuf messages.
 *
 * The codec's work is that of Portcall's stubs, `fromPartial` at both ends included, done by
 * ts-proto's generated code with the stock writer and reader.
 */
export function createNetProto(name: 'net-proto' | 'net-proto-unbatched'): Subject {
  const createSender = name === 'net-proto' ? createBatchedSender : createDirectSender;
  return {
    serve: () => serveFrames(socketPath(name), createSender, handlers),
    connect: async () => {
      const client = await FrameClient.connect(socketPath(name), createSender);
      return {
        name,
        call: (request) => {
          const body = EchoRequest.encode(EchoRequest.fromPartial(request)).finish();
          return client.call({ flag: 0, body, decode: decodeEcho });
        },
        payloadOf: (reply) => (reply as EchoReply).payload,
        take: (request) => {
          const body = TakeRequest.encode(TakeRequest.fromPartial(request)).finish();
          return client.call({ flag: TAKE_FLAG, body, decode: decodeTake });
        },
        close: () => client.close(),
      } satisfies Driver;
    },
  };
}

const handlers: FrameHandlers = {
  echo: (body) => {
    const { id, payload } = EchoRequest.decode(body);
    return EchoReply.encode(EchoReply.fromPartial({ id, payload })).finish();
  },
  take: (body) => {
    const { payload } = TakeRequest.decode(body);
    return TakeReply.encode(TakeReply.fromPartial(takeReplyFor(payload))).finish();
  },
};

function decodeEcho(body: Buffer): EchoReply {
  return EchoReply.decode(body);
}

function decodeTake(body: Buffer): TakeReply {
  return TakeReply.decode(body);
}
