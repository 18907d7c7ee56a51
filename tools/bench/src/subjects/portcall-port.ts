import { connectPort, createPort, type PortEnd } from '@portcall/port';

import { StreamCheck, streamPayload } from './stream-item.js';
import { MESSAGE_BYTES_MAX, type Driver, type Subject } from './subject.js';

const PORT_NAME = 'bench-port';

/** A port's own requests: bytes there, bytes back, no codec and no dispatch by method. */
export function createPortcallPort(): Subject {
  const options = {
    transport: 'shm' as const,
    attributes: { maxMessageLength: MESSAGE_BYTES_MAX },
  };
  return {
    serve: () =>
      createPort(PORT_NAME, {
        ...options,
        onMessage: async (message) => {
          if (message.isRequest) await message.reply(message.data);
          else await sendStream(message.port, message.data);
        },
      }),
    connect: async () => {
      let stream: StreamCheck | undefined;
      const port = await connectPort(PORT_NAME, {
        ...options,
        onMessage: async (message) => stream?.take(message.data),
      });
      return {
        name: 'portcall-port',
        call: (request) => port.request(request.payload),
        callSync: (request) => port.requestSync(request.payload, { blockMainThread: true }),
        receive: async ({ count, payloadBytes }) => {
          stream = new StreamCheck(count, payloadBytes);
          await port.send(new Uint8Array(Uint32Array.of(count, payloadBytes).buffer));
          await stream.done;
        },
        payloadOf: (reply) => reply as Uint8Array,
        close: () => port.close(),
      } satisfies Driver;
    },
  };
}

/** Answers with as many datagrams as were asked for, as fast as the client takes them. */
async function sendStream(port: PortEnd, asked: Uint8Array): Promise<void> {
  const view = new DataView(asked.buffer, asked.byteOffset, asked.length);
  const count = view.getUint32(0, true);
  const payloadBytes = view.getUint32(4, true);
  for (let index = 0; index < count; index++) {
    const payload = streamPayload(index, payloadBytes);
    while (!port.trySend(payload)) await port.drained();
  }
}
