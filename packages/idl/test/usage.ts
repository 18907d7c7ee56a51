/**
 * Compiled by `generated-code.test.ts`: what a user may write against generated code, and what
 * not.
 */
import type { CallContext } from '@portcall/rpc';
import {
  type ChatClient,
  type ChatImplementation,
  ChatService,
} from '../golden/streaming/out/chat.portcall.js';
import { type JobsClient, JobsService } from '../golden/options/out/jobs.portcall.js';
import {
  type GreeterClient,
  type GreeterImplementation,
  GreeterService,
} from '../golden/unary/out/greeter.portcall.js';

/** A server as short as it can be. */
export const greeter = GreeterService.implement({
  async sayHello(request, context) {
    const uid: number | undefined = context.caller?.uid;
    return { message: `Hello ${request.name}, uid ${uid}` };
  },
});

// @ts-expect-error -- A missing method does not compile.
GreeterService.implement({});

GreeterService.implement({
  // @ts-expect-error -- Nor does a reply with a wrong field.
  async sayHello() {
    return { massage: 'x' };
  },
});

/** An implementation may ask for more in its context. */
export const withUser: GreeterImplementation<{ user: string }> = {
  sayHello: async (_request, context) => ({ message: context.user }),
};

/** Generators serve streams. */
export const chat: ChatImplementation = {
  send: async () => ({ count: 1n }),
  async *watch(request) {
    yield { text: request.name };
  },
  async upload(request) {
    let count = 0n;
    for await (const line of request) count += BigInt(line.text.length);
    return { count };
  },
  async *talk(request, context: CallContext) {
    for await (const line of request) if (!context.signal.aborted) yield line;
  },
};
ChatService.implement(chat);

/** A client calls with partial messages and gets whole ones. */
export async function useClients(
  hello: GreeterClient,
  lines: ChatClient,
  jobs: JobsClient,
): Promise<string> {
  const { message } = await hello.sayHello({ name: 'Ada' }, { timeoutMs: 200 });
  for await (const { text } of lines.watch({})) message.concat(text);
  // @ts-expect-error -- A one-way call has no reply.
  const nothing: object = await jobs.note({});
  // @ts-expect-error -- Wrong type of a field.
  await hello.sayHello({ name: 1 });
  return `${message} ${String(nothing)}`;
}
JobsService.methods.start satisfies { readonly deadlineMs?: number };
