import { connectPort, createPort } from '@portcall/port';

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
          await message.reply(message.data);
        },
      }),
    connect: async () => {
      const port = await connectPort(PORT_NAME, options);
      return {
        name: 'portcall-port',
        call: (request) => port.request(request.payload),
        payloadOf: (reply) => reply as Uint8Array,
        close: () => port.close(),
      } satisfies Driver;
    },
  };
}
