import { PortError } from '@portcall/wire';

import type { PortChannel } from './port-channel.js';
import type { RequestOptions } from './port-end.js';
import { PortRequest } from './port-request.js';
import { canceled, timedOut } from './request-errors.js';

/** Longest stretch of blocking before deadline and signal are looked at. Source: `port.md` 12. */
const SLICE_MS = 100;

/** What a synchronous request needs of its port. */
export interface SyncHost {
  readonly channel: PortChannel;
  /** The sender is tracked: the kernel is to vouch for it. */
  readonly isDynamic: boolean;
  /** Handles the callbacks within a request that have arrived. @returns how many */
  handleCallbacks(request: PortRequest): number;
}

interface Outcome {
  readonly error: PortError | undefined;
  readonly reply: Uint8Array;
}

/** As `PortEnd.requestSync`. */
export function requestSync(host: SyncHost, data: Uint8Array, options: RequestOptions): Uint8Array {
  const { channel, isDynamic } = host;
  const { link, portName } = channel;
  const { signal } = options;
  let outcome: Outcome | undefined;
  const request = new PortRequest(channel, options, { isDynamic }, (error, reply) => {
    outcome = { error, reply };
  });
  request.start(data, { isDynamic });
  link.flush();
  for (let canWait = true; ;) {
    link.drain();
    const handled = host.handleCallbacks(request);
    link.flush();
    if (outcome !== undefined) break;
    if (signal?.aborted) throw canceled(portName, request.abandon() === true, signal.reason);
    if (link.hasEnded) request.onFailure(channel.loseRequest(request.id));
    if (outcome !== undefined) break;
    const restMs = request.deadlineMs - performance.now();
    if (restMs <= 0 || (!canWait && handled === 0)) {
      const wasSent = request.abandon() === true;
      throw restMs <= 0 ? timedOut(portName, wasSent) : waitsForItself(portName, wasSent);
    }
    canWait = link.wait(Math.min(restMs, SLICE_MS));
  }
  const { error, reply } = outcome;
  if (error !== undefined) throw error;
  return reply;
}

function waitsForItself(portName: string, sent: boolean): PortError {
  return new PortError(
    'TIMEOUT',
    `Cannot get reply from port "${portName}": its handler waits for this thread, which is blocked`,
    { portName, sent, executed: sent ? 'maybe' : 'no' },
  );
}
