/* Entry of a thread that serves one client: it watches the ring, and sleeps in the kernel. */
import { setImmediate as nextTurn } from 'node:timers/promises';
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

/** Longest stretch without a turn of the event loop, in milliseconds: orders arrive there. */
const TURN_MS = 100;

await main(workerData as QuickStart);

async function main(start: QuickStart): Promise<void> {
  const incoming = await attach(start);
  report({ kind: 'attached' });
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
  report({ kind: 'closed', closed: await port.closed });
  parentPort?.close();
}

async function attach(start: QuickStart): Promise<IncomingLink> {
  const { transport } = await chooseTransport('shm');
  if (transport.attach === undefined) throw new Error('Cannot serve: no shared memory here');
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
    const isWaiting = channel.activity > 0; // For something that the event loop brings.
    if (!isWaiting && !link.hasEnded) link.wait(TURN_MS);
    if (!isWaiting && performance.now() < turnAt) continue;
    await nextTurn();
    turnAt = performance.now() + TURN_MS;
  }
}

function report(message: QuickReport): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(message);
}
