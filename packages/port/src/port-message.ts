import {
  MESSAGE_TYPE,
  PortError,
  STATUS,
  isPortError,
  statusCodeOf,
  type StatusCode,
} from '@portcall/wire';
import type { PeerIdentity } from '@portcall/transport';

import { diagnostics } from './diagnostics.js';
import { noExtras, type IncomingExtras, type IncomingRequest } from './incoming-request.js';
import type { AttributeName, MessageAttributes } from './message-attributes.js';
import type { ClaimedIdentity } from './outgoing-attributes.js';
import type { PortChannel } from './port-channel.js';
import type {
  MessageKind,
  MessageMode,
  PortEnd,
  PortMessage,
  RangePart,
  RequestOptions,
} from './port-end.js';
import { PortHandle, handleTypeOf } from './port-handle.js';
import { PortRequest, messageOf } from './port-request.js';
import { RangeAccess } from './range-access.js';
import type { SecurityToken } from './security-context.js';
import { PrivateView } from './view.js';

/** What all messages of a port have in common. */
export interface MessageSource {
  readonly port: PortEnd;
  readonly channel: PortChannel;
  /** Attributes that the receiver asked for. */
  readonly wants: ReadonlySet<AttributeName>;
  /** Bytes of views that are held now. */
  viewBytes: number;
}

/** A message as it arrived. */
export interface ArrivedMessage {
  readonly kind: MessageKind;
  readonly data: Uint8Array;
  readonly request?: IncomingRequest;
  readonly extras?: IncomingExtras;
  /** The data came by section: it is memory of its own. */
  readonly isPrivate?: boolean;
}

/** A request that its receiver has dropped without a word must not leave its sender waiting. */
const dropped = new FinalizationRegistry<{
  readonly channel: PortChannel;
  readonly request: IncomingRequest;
}>(({ channel, request }) => {
  if (channel.settle(request)) channel.failRequest(request.id, 'SERVER_FAULT', undefined);
});

/** A message as its receiver has it. */
export class IncomingMessage implements PortMessage {
  readonly kind: MessageKind;
  /** Bytes of data as they arrived: its memory may be given away since. */
  readonly lengthBytes: number;
  readonly #data: Uint8Array;
  readonly #source: MessageSource;
  readonly #request: IncomingRequest | undefined;
  readonly #extras: IncomingExtras;
  readonly #handles: readonly PortHandle[];
  readonly #view: PrivateView | undefined;
  readonly #peer: PeerIdentity | undefined;
  /** Of the moment when it came: while it waits, the sender may become another user. */
  readonly #token: SecurityToken | undefined;
  /** On `performance.now()`'s clock; Infinity where the sender named no deadline. */
  readonly #deadlineMs: number;
  #replied = false;
  #deferred = false;
  #aborter: AbortController | undefined;
  #attributes: MessageAttributes | undefined;

  constructor(source: MessageSource, arrived: ArrivedMessage) {
    const { kind, data, request, extras = noExtras(0) } = arrived;
    this.#source = source;
    this.kind = kind;
    this.#data = data;
    this.lengthBytes = data.length;
    this.#request = request;
    this.#extras = extras;
    if (extras.credentials !== undefined) source.port.security.update(extras.credentials);
    this.#peer = source.port.peer;
    this.#token = source.wants.has('token') ? source.port.security.token : undefined;
    this.#deadlineMs = performance.now() + (extras.attributes.remainingMs ?? Infinity);
    this.#handles = extras.handles.map((fd) => new PortHandle(handleTypeOf(fd) ?? 'file', fd));
    this.#view = arrived.isPrivate === true ? this.#makeView() : undefined;
  }

  get port(): PortEnd {
    return this.#source.port;
  }

  get data(): Uint8Array {
    return this.#view?.bytes ?? this.#data;
  }

  get isRequest(): boolean {
    return this.#request !== undefined;
  }

  get messageId(): number {
    return this.#request?.id ?? 0;
  }

  /** Of a callback: `messageId` of this side's own request that the sender is serving; else 0. */
  get callbackId(): number {
    const callbackOf = this.#request?.callbackOf;
    return callbackOf instanceof PortRequest ? callbackOf.id : 0;
  }

  get sequence(): number {
    return this.#extras.sequence;
  }

  get peer(): PeerIdentity | undefined {
    return this.#peer;
  }

  get attributes(): MessageAttributes {
    return (this.#attributes ??= this.#collect());
  }

  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      const aborter = new AbortController();
      this.#aborter = aborter;
      const request = this.#request;
      if (request !== undefined && !this.#replied) {
        if (request.isSettled) aborter.abort();
        else request.onCancel = () => aborter.abort();
      }
    }
    return this.#aborter.signal;
  }

  async reply(data: Uint8Array, options: { readonly mode?: MessageMode } = {}): Promise<boolean> {
    return this.#answer('reply', 0, data, options.mode);
  }

  async fail(code: StatusCode, text: string): Promise<boolean> {
    const bytes = Buffer.from(text).subarray(0, this.#source.channel.dataBytesMax);
    return this.#answer('fail', STATUS[code].id, bytes, 'auto');
  }

  callback(data: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const callbackOf = this.#openRequest('call back');
      const signals = [this.signal, ...(options.signal === undefined ? [] : [options.signal])];
      const origin = { isDynamic: false, callbackOf };
      const leftMs = Math.min(options.timeoutMs ?? Infinity, this.#deadlineMs - performance.now());
      const limit = leftMs === Infinity ? {} : { timeoutMs: leftMs };
      const request = new PortRequest(
        this.#source.channel,
        { ...options, ...limit, signal: AbortSignal.any(signals) },
        origin,
        (error, reply) => (error === undefined ? resolve(reply) : reject(error)),
      );
      request.start(data, origin);
    });
  }

  async read(index: number, part: RangePart = {}): Promise<Uint8Array> {
    return this.#rangeAccess('read').read(index, part);
  }

  async write(index: number, bytes: Uint8Array, offset = 0): Promise<void> {
    return this.#rangeAccess('write').write(index, bytes, offset);
  }

  impersonate(): readonly ClaimedIdentity[] {
    const { port, channel } = this.#source;
    const chain = this.#extras.attributes.onBehalfOf ?? [];
    return port.security.impersonate(this.#peer, chain, channel.portName);
  }

  defer(): void {
    this.#deferred = true;
    this.answerIfDropped();
  }

  /** From now on its being collected without a reply is a SERVER_FAULT to the sender. */
  answerIfDropped(): void {
    const request = this.#request;
    if (request === undefined || this.#replied) return;
    dropped.register(this, { channel: this.#source.channel, request });
  }

  /** Called when the handler has returned: a request must not be left hanging. */
  async settleAfterHandler(error: unknown): Promise<void> {
    const isOpen = this.isRequest && !this.#replied;
    if (isOpen && this.#deferred && error === undefined) return;
    this.release();
    if (!isOpen) return;
    if (isPortError(error)) await this.fail(error.code, error.message);
    else await this.fail('SERVER_FAULT', 'The handler failed or did not reply');
  }

  release(): void {
    for (const handle of this.#handles) handle.close();
    this.#view?.releaseUnlessRetained();
  }

  #makeView(): PrivateView | undefined {
    const source = this.#source;
    const { length } = this.#data;
    const limit = source.port.attributes.maxViewSize;
    if (!source.wants.has('view') || source.viewBytes + length > limit) return undefined;
    source.viewBytes += length;
    return new PrivateView(this.#data, (bytes) => {
      source.viewBytes -= length;
      const { sections } = source.channel.link;
      if (sections === undefined) bytes.fill(0);
      else sections.giveBack(bytes);
    });
  }

  #collect(): MessageAttributes {
    const { wants, port } = this.#source;
    const { attributes, sequence } = this.#extras;
    const depth = this.#request?.depth ?? 0;
    const all: Omit<MessageAttributes, 'valid'> = {
      security: this.#peer,
      view: this.#view,
      context: { portContext: port.context, sequence, messageId: this.messageId, depth },
      handle: this.#handles.length === 0 ? undefined : this.#handles,
      token: this.#token,
      direct: attributes.ranges,
      workOnBehalf: attributes.work,
      onBehalfOf: attributes.onBehalfOf,
      deadline: attributes.remainingMs,
    } as { [K in keyof Omit<MessageAttributes, 'valid'>]: MessageAttributes[K] };
    const present = Object.entries(all).filter(([name, value]) => {
      return value !== undefined && wants.has(name as AttributeName);
    });
    const valid = new Set(present.map(([name]) => name as AttributeName));
    return { valid, ...Object.fromEntries(present) };
  }

  #rangeAccess(verb: string): RangeAccess {
    const request = this.#openRequest(`${verb} a range`);
    const ranges = this.#extras.attributes.ranges ?? [];
    return new RangeAccess(this.#source.channel, request.id, ranges);
  }

  /** @throws PortError REPLY_MISMATCH when nobody waits for a reply of ours */
  #openRequest(verb: string): IncomingRequest {
    const request = this.#request;
    if (request !== undefined && !this.#replied) return request;
    const why = this.#replied ? 'it was replied to already' : `it is a ${this.kind}`;
    throw new PortError('REPLY_MISMATCH', `Cannot ${verb} to message: ${why}`, {
      portName: this.#source.channel.portName,
    });
  }

  async #answer(
    verb: string,
    status: number,
    data: Uint8Array,
    mode: MessageMode | undefined,
  ): Promise<boolean> {
    const { channel } = this.#source;
    const request = this.#openRequest(verb);
    if (data.length > channel.dataBytesMax) {
      throw new PortError(
        'MESSAGE_TOO_LONG',
        `Cannot reply: length is ${data.length} bytes, limit is ${channel.dataBytesMax} bytes`,
        { portName: channel.portName },
      );
    }
    const message = messageOf(channel, MESSAGE_TYPE.REPLY, data, { mode, isDynamic: false });
    this.#replied = true;
    if (!channel.settle(request)) return false;
    if (diagnostics.reply.hasSubscribers) {
      const { portName } = channel;
      const { id: messageId } = request;
      const bytes = data.length;
      const peer = this.#peer;
      const code = status === 0 ? undefined : statusCodeOf(status);
      diagnostics.reply.publish({ portName, peer, messageId, bytes, code, role: 'server' });
    }
    const head = { ...message.head, messageId: request.id, status };
    return new Promise((resolve, reject) => {
      const onSettled = (error?: PortError): void => {
        if (error === undefined) resolve(true);
        else if (channel.closed !== undefined || error.code === 'CANCELED') resolve(false);
        else reject(error);
      };
      try {
        channel.sendMessage({ ...message, head, onSettled });
      } catch (error) {
        if (channel.closed !== undefined) {
          resolve(false);
          return;
        }
        // The request has been settled: its sender must not wait for what cannot be sent.
        const code = isPortError(error) ? error.code : 'SERVER_FAULT';
        channel.failRequest(request.id, code, 'yes');
        reject(error);
      }
    });
  }
}
