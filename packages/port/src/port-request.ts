import { writeSync } from 'node:fs';

import { CALLBACK_DEPTH_MAX, MESSAGE_TYPE, PortError, type MessageId } from '@portcall/wire';

import type { IncomingRequest } from './incoming-request.js';
import { ownData, type MessageData } from './message-data.js';
import type { MemoryRange } from './outgoing-attributes.js';
import type { QueuedMessage } from './outgoing-queue.js';
import type { ReplySink } from './pending-requests.js';
import type { PortChannel } from './port-channel.js';
import type { MessageHandler, RequestOptions, SendOptions } from './port-end.js';
import { handlesToSend } from './port-handle.js';
import { canceled, timedOut } from './request-errors.js';

/** What a request belongs to. */
export interface RequestOrigin {
  /** The sender is tracked: the kernel is to vouch for it now. */
  readonly isDynamic: boolean;
  /** For a callback: the peer's request that is being served. */
  readonly callbackOf?: IncomingRequest | undefined;
}

const NO_DATA = new Uint8Array(0);

/** A u64 of 1, for completion descriptors. */
const ONE = new BigUint64Array([1n]);

/** A request of a program that waits for its reply. */
export class PortRequest implements ReplySink {
  readonly depth: number;
  readonly ranges: readonly MemoryRange[] | undefined;
  /** Handles callbacks within it. */
  readonly onCallback: MessageHandler | undefined;
  /** Its number on the connection; 0 before `start`. */
  id = 0 as MessageId;
  readonly #channel: PortChannel;
  readonly #options: RequestOptions;
  readonly #deadlineMs: number;
  readonly #onSettled: (error: PortError | undefined, reply: Uint8Array) => void;
  readonly #onAbort = (): void => this.#cancel();

  /** @param onSettled called once, with an error or the reply's own data */
  constructor(
    channel: PortChannel,
    options: RequestOptions,
    origin: RequestOrigin,
    onSettled: (error: PortError | undefined, reply: Uint8Array) => void,
  ) {
    const { callbackOf } = origin;
    this.#channel = channel;
    this.#options = options;
    this.#onSettled = onSettled;
    this.depth = callbackOf === undefined ? 0 : callbackOf.depth + 1;
    this.ranges = options.ranges;
    this.onCallback = options.onCallback;
    this.#deadlineMs =
      options.timeoutMs === undefined ? Infinity : performance.now() + options.timeoutMs;
  }

  /** On `performance.now()`'s clock; Infinity for none. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** Registers and sends it. @throws PortError, RangeError; nothing was sent then */
  start(data: Uint8Array, origin: RequestOrigin): void {
    try {
      this.#refuseEarly();
      this.#send(data, origin);
    } catch (error) {
      if (this.id !== 0) this.#channel.abandonRequest(this.id);
      this.#release();
      throw error;
    }
  }

  onReply(reply: MessageData): void {
    this.#onSettled(undefined, ownData(reply));
    this.#release();
  }

  onFailure(error: PortError): void {
    this.#onSettled(error, NO_DATA);
    this.#release();
  }

  /** Nobody waits any more. @returns whether it had been sent; `undefined` if settled already */
  abandon(): boolean | undefined {
    this.#release();
    return this.#channel.abandonRequest(this.id);
  }

  /** Conditions under which it is never sent. */
  #refuseEarly(): void {
    const { signal, timeoutMs } = this.#options;
    const { portName } = this.#channel;
    if (signal?.aborted) throw canceled(portName, false, signal.reason);
    if (timeoutMs !== undefined && !(timeoutMs > 0)) {
      if (Number.isNaN(timeoutMs)) throw new RangeError('Cannot send request: timeoutMs is NaN');
      throw timedOut(portName, false);
    }
    if (this.depth > CALLBACK_DEPTH_MAX) throw tooDeep(portName);
  }

  #send(data: Uint8Array, { isDynamic, callbackOf }: RequestOrigin): void {
    const channel = this.#channel;
    const message = messageOf(channel, MESSAGE_TYPE.REQUEST, data, {
      ...this.#options,
      deadlineMs: this.#deadlineMs,
      isDynamic,
    });
    this.id = channel.addRequest(this, this.#deadlineMs);
    this.#options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    const head = { ...message.head, messageId: this.id, callbackId: callbackOf?.id ?? 0 };
    channel.sendMessage({ ...message, head });
  }

  #cancel(): void {
    const wasSent = this.#channel.abandonRequest(this.id);
    if (wasSent === undefined) return;
    this.onFailure(canceled(this.#channel.portName, wasSent, this.#options.signal?.reason));
  }

  #release(): void {
    const { signal, completionDescriptor } = this.#options;
    signal?.removeEventListener('abort', this.#onAbort);
    if (completionDescriptor !== undefined) signalDescriptor(completionDescriptor);
  }
}

/** A message with everything that its options ask for. @throws PortError, RangeError */
export function messageOf(
  channel: PortChannel,
  type: number,
  data: Uint8Array,
  options: SendOptions & {
    readonly isDynamic: boolean;
    readonly deadlineMs?: number;
    readonly ranges?: readonly MemoryRange[] | undefined;
  },
): QueuedMessage {
  const { mode = 'auto', work, onBehalfOf, handles = [], ranges, deadlineMs, isDynamic } = options;
  if (mode === 'inline' && data.length > channel.inlineBytesMax) {
    throw new PortError(
      'MESSAGE_TOO_LONG',
      `Cannot send inline to port "${channel.portName}": length is ${data.length} bytes, ` +
        `limit is ${channel.inlineBytesMax} bytes`,
      { portName: channel.portName },
    );
  }
  const { companions } = channel.link;
  const { dupObjectTypes, allowImpersonation } = channel.attributes;
  const enabled = companions === undefined ? [] : dupObjectTypes;
  const attributes = channel.attributesOf({
    work,
    // Nobody replies to a datagram: its sender would never have its memory back.
    ranges: type === MESSAGE_TYPE.REQUEST ? ranges : undefined,
    onBehalfOf: allowImpersonation === 'impersonate' ? onBehalfOf : undefined,
    handles: handles.length === 0 ? [] : handlesToSend(handles, enabled, channel.portName),
    security: isDynamic && companions !== undefined,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
  return {
    head: { type, messageId: 0, status: 0, flags: 0 },
    parts: [data],
    totalBytes: data.length,
    attributes,
    prefersSection: mode === 'section',
    onSettled: undefined,
  };
}

/** Wakes whoever polls the descriptor. A full one has been signalled already. */
function signalDescriptor(descriptor: number): void {
  try {
    writeSync(descriptor, ONE);
  } catch (error) {
    // Somebody else's settling must not suffer for it.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EAGAIN') process.emitWarning(error as Error, 'PortcallHandlerWarning');
  }
}

function tooDeep(portName: string): PortError {
  return new PortError(
    'QUOTA_EXCEEDED',
    `Cannot call back over port "${portName}": it would be more than ${CALLBACK_DEPTH_MAX} deep`,
    { portName },
  );
}
