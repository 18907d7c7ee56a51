import type { PortEnd, SendStep, SendWaitReceive, SentAndReceived } from './port-end.js';

/** As `PortEnd.sendWaitReceive`. */
export async function sendWaitReceive(
  port: PortEnd,
  step: SendWaitReceive,
): Promise<SentAndReceived> {
  const { timeoutMs, send, receive = false } = step;
  const deadlineMs = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
  const restMs = (): number | undefined => {
    return deadlineMs === Infinity ? undefined : Math.max(deadlineMs - performance.now(), 0);
  };
  const reply = send === undefined ? undefined : await perform(port, send, restMs());
  const message = receive ? await port.receive({ timeoutMs: restMs() }) : undefined;
  return { reply, message };
}

async function perform(
  port: PortEnd,
  step: SendStep,
  timeoutMs: number | undefined,
): Promise<Uint8Array | undefined> {
  if ('request' in step) {
    const { options } = step;
    const ownMs = Math.min(options?.timeoutMs ?? Infinity, timeoutMs ?? Infinity);
    const limit = ownMs === Infinity ? {} : { timeoutMs: ownMs };
    return port.request(step.request, { ...options, ...limit });
  }
  if ('datagram' in step) await port.send(step.datagram, step.options);
  else await step.replyTo.reply(step.reply);
  return undefined;
}
