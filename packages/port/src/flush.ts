import type { MessageId, PortError } from '@portcall/wire';

import type { PortChannel } from './port-channel.js';
import type { ReceiveOptions } from './port-end.js';
import { canceled, timedOut } from './request-errors.js';

/**
 * As `PortEnd.flush`.
 *
 * @param drained resolves when nothing waits for room any more
 */
export function flush(
  channel: PortChannel,
  drained: Promise<void>,
  options: ReceiveOptions,
): Promise<void> {
  const { timeoutMs, signal } = options;
  const { portName } = channel;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw canceled(portName, false, signal.reason);
    const deadlineMs = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
    let isSettled = false;
    let id: MessageId | undefined;
    let timer: NodeJS.Timeout | undefined;
    const settle = (error?: unknown): void => {
      isSettled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const giveUp = (errorOf: (sent: boolean) => PortError): void => {
      const wasSent = id === undefined ? false : channel.abandonRequest(id);
      if (wasSent !== undefined) settle(errorOf(wasSent));
    };
    const onAbort = (): void => giveUp((sent) => canceled(portName, sent, signal?.reason));
    signal?.addEventListener('abort', onAbort, { once: true });
    // The deadline of the ping itself is the table's matter.
    const onLate = (): void => giveUp((sent) => timedOut(portName, sent));
    if (deadlineMs !== Infinity) timer = setTimeout(onLate, Math.max(timeoutMs ?? 0, 0) + 1);
    const ask = (): void => {
      if (isSettled) return;
      clearTimeout(timer);
      try {
        id = channel.ping(() => settle(), settle, deadlineMs);
      } catch (error) {
        settle(error);
      }
    };
    void drained.then(ask);
  });
}
