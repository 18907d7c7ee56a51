/* Entry of a thread that serves one client: it watches the ring, and sleeps in the kernel. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

import { FEATURE } from '@portcall/wire';
import type { IncomingLink } from '@portcall/transport';

import { chooseTransport } from './choose-transport.js';
import { CommunicationPort } from './communication-port.js';
import { encodeRejectPayload } from './handshake-payload.js';
import { PortChannel } from './port-channel.js';
import type { MessageHandler } from './port-end.js';
import type { QuickOrder, QuickReport, QuickStart } from './quick-start.js';
import { SecurityContext } from './security-context.js';

/** How long to turn the event loop without a pause for handlers that wait, in milliseconds. */
const SPIN_MS = 0.2;

/** How often to look then whether they are done: messages arrive meanwhile. */
const PACE_MS = 2;

/** Longest stretch without a turn of the event loop, in milliseconds: orders arrive there. */
const TURN_MS = 100;

await main(workerData as QuickStart);

async function main(start: QuickStart): Promise<void> {
  const incoming = await attach(start);
  let onMessage: MessageHandler;
  try {
    onMessage = await loadHandler(start.module);
  } catch (error) {
    const info = new Uint8Array(0);
    incoming.reject(encodeRejectPayload({ status: 'SERVER_FAULT', info }));
    throw error;
  }
  const channel = new PortChannel(incoming.accept(start.acceptPayload, FEATURE.QUICK), {
    ...start.channel,
  });
  const port = new CommunicationPort({
    channel,
    info: start.info,
    context: start.context,
    security: new SecurityContext({ ...start.security, peer: incoming.peer }),
    isTracked: false,
    isQuick: true,
    wants: start.names,
    onMessage,
    inbox: undefined,
    onDrain: undefined,
    onClosed: undefined,
  });
  parentPort?.on('message', (order: QuickOrder) => {
    if (order.kind === 'refuse') channel.refusal = order.code;
    else if (order.status !== 0) channel.close(order.status);
    else void port.close({ drainMs: order.drainMs });
  });
  await serve(channel);
  await port.closed;
  // Whatever the module keeps alive: the thread was for this client.
  process.exit();
}

async function attach(start: QuickStart): Promise<IncomingLink> {
  const { transport } = await chooseTransport('shm');
  if (transport.attach === undefined) throw new Error('Cannot serve: no shared memory here');
  // From here on the descriptors are this thread's, also if it fails.
  report({ kind: 'attached' });
  return transport.attach(start.detached, start.link);
}

/** @throws Error when the module exports no handler */
async function loadHandler(module: string): Promise<MessageHandler> {
  const exported = ((await import(module)) as { readonly onMessage?: unknown }).onMessage;
  if (typeof exported === 'function') return exported as MessageHandler;
  throw new TypeError(`Cannot serve: ${module} exports no function onMessage`);
}

/** Takes messages in until the link has ended; the event loop gets a turn when it is needed. */
async function serve(channel: PortChannel): Promise<void> {
  const { link } = channel;
  let turnAt = performance.now() + TURN_MS;
  while (!link.hasEnded) {
    link.drain();
    channel.runNow();
    await undefined; // Handlers that only waited for what is there already go on.
    link.flush();
    if (channel.activity > 0) {
      await waitForHandlers(channel);
      continue;
    }
    if (!link.hasEnded) link.wait(TURN_MS);
    if (performance.now() < turnAt) continue;
    await nextTurn();
    turnAt = performance.now() + TURN_MS;
  }
}

/** Some wait for what the event loop brings: it runs as in any thread, and delivers messages. */
async function waitForHandlers(channel: PortChannel): Promise<void> {
  const spinUntil = performance.now() + SPIN_MS;
  while (channel.activity > 0 && !channel.link.hasEnded) {
    if (performance.now() < spinUntil) await nextTurn();
    else await sleep(PACE_MS);
  }
}

function report(message: QuickReport): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(message);
}
