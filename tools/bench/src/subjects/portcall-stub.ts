import { bind, serve } from '@portcall/rpc';

import type { EchoReply } from '../gen/proto/echo.js';
import { EchoService } from '../gen/proto/echo.portcall.js';
import { takeReplyFor } from './sample.js';
import { MESSAGE_BYTES_MAX, type Driver, type Subject } from './subject.js';

/** The ways to run generated stubs: the transport, and whether its ends spin before they sleep. */
const VARIANTS = {
  portcall: { transport: 'shm' },
  'portcall-no-spin': { transport: 'shm', spin: false },
  'portcall-socket': { transport: 'socket' },
} as const;

/** What differs from the defaults: the longest message, and room for W9's connections. */
const ATTRIBUTES = {
  maxMessageLength: MESSAGE_BYTES_MAX,
  maxConnections: 1100,
  maxConnectionsPerUid: 1100,
} as const;

/** Generated stubs, as a program uses them. */
export function createPortcallStub(name: keyof typeof VARIANTS): Subject {
  const portName = `bench-${name}`;
  const options = { ...VARIANTS[name], attributes: ATTRIBUTES };
  return {
    serve: () => serve(portName, [echoImplementation], options),
    connect: async () => {
      const client = await bind(EchoService, portName, options);
      return {
        name,
        call: (request) => client.echo(request),
        payloadOf: (reply) => (reply as EchoReply).payload,
        take: (request) => client.take(request),
        close: () => client.connection.close(),
      } satisfies Driver;
    },
  };
}

const echoImplementation = EchoService.implement({
  echo: async ({ id, payload }) => ({ id, payload }),
  take: async ({ payload }) => takeReplyFor(payload),
});
