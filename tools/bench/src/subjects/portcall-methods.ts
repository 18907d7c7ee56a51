import { bind, defineService, serve, type ServiceDefinition } from '@portcall/rpc';

import type { EchoReply } from '../gen/proto/echo.js';
import {
  EchoService,
  type EchoClient,
  type EchoImplementation,
} from '../gen/proto/echo.portcall.js';
import { MESSAGE_BYTES_MAX, type Driver, type Subject } from './subject.js';

const PORT_NAME = 'bench-methods';

/** Methods of the service, `echo` and `take` among them. */
const METHOD_COUNT = 10_000;

const OPTIONS = { transport: 'shm', attributes: { maxMessageLength: MESSAGE_BYTES_MAX } } as const;

/** The service of the other subjects with a great number of further methods before its own. */
export function createPortcallMethods(): Subject {
  const service = manyMethods();
  return {
    serve: () => serve(PORT_NAME, [service.implement(implementationOf(service))], OPTIONS),
    connect: async () => {
      const client = await bind(service, PORT_NAME, OPTIONS);
      return {
        name: 'portcall-methods',
        call: (request) => client.echo(request),
        payloadOf: (reply) => (reply as EchoReply).payload,
        close: () => client.connection.close(),
      } satisfies Driver;
    },
  };
}

function manyMethods(): ServiceDefinition<EchoClient, EchoImplementation> {
  const { methods, implement: _, ...options } = EchoService;
  const own = Object.keys(methods).length;
  const others = Array.from({ length: METHOD_COUNT - own }, (_unused, index) => {
    const method = { ...methods['echo'], name: `Other${index}`, id: index + 1 };
    return [`other${index}`, method] as const;
  });
  return defineService<EchoClient, EchoImplementation>({
    ...options,
    methods: { ...Object.fromEntries(others), ...methods } as typeof methods,
  });
}

function implementationOf({ methods }: { readonly methods: object }): EchoImplementation {
  const echo: EchoImplementation['echo'] = async ({ id, payload }) => ({ id, payload });
  const all = Object.keys(methods).map((name) => [name, echo]);
  return Object.fromEntries(all) as unknown as EchoImplementation;
}
