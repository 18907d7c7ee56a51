import { PortError, type PortAttributes } from '@portcall/wire';

/** What the receiver of a direction lets be on its way. Source: `docs/PROTOCOL.md` 5.1. */
export type CreditLimits = Pick<PortAttributes, 'maxQueuedMessages' | 'maxPoolUsage'>;

/** Totals of a direction, each modulo 2^32, as a CREDIT message states them. */
export interface CreditTotals {
  readonly messages: number;
  readonly bytes: number;
}

/** How many messages and bytes this side may still send. */
export class SendCredit {
  readonly #limits: CreditLimits;
  #sentMessages = 0;
  #sentBytes = 0;
  #takenMessages = 0;
  #takenBytes = 0;

  constructor(limits: CreditLimits) {
    this.#limits = limits;
  }

  /** Whether one more message may go. */
  get isOpen(): boolean {
    const { maxQueuedMessages, maxPoolUsage } = this.#limits;
    return (
      this.#sentMessages - this.#takenMessages < maxQueuedMessages &&
      this.#sentBytes - this.#takenBytes < maxPoolUsage
    );
  }

  /** Messages that the peer has not taken. */
  get messagesOut(): number {
    return this.#sentMessages - this.#takenMessages;
  }

  /** A message with so much data was sent. */
  use(dataBytes: number): void {
    this.#sentMessages++;
    this.#sentBytes += dataBytes;
  }

  /** The peer's totals. They come from another process. @throws PortError PROTOCOL_ERROR */
  onTaken(totals: CreditTotals): void {
    const messages = (totals.messages - this.#takenMessages) >>> 0;
    const bytes = (totals.bytes - this.#takenBytes) >>> 0;
    if (messages > this.messagesOut || bytes > this.#sentBytes - this.#takenBytes) {
      throw new PortError(
        'PROTOCOL_ERROR',
        `Cannot take credit: peer took ${messages} messages with ${bytes} bytes, ` +
          `${this.messagesOut} were out`,
      );
    }
    this.#takenMessages += messages;
    this.#takenBytes += bytes;
  }
}

/** Share of the space that must be used before a flood is suspected. Source: `port.md` 19. */
const FLOOD_SHARE = 0.8;

/** Messages of one sender that make it a flood. Source: `port.md` 19. */
const FLOOD_MESSAGES = 50;

/** How much of what the peer sent has been taken, and when to tell it. */
export class ReceiveCredit {
  readonly #limits: CreditLimits;
  #arrivedMessages = 0;
  #arrivedBytes = 0;
  #takenMessages = 0;
  #takenBytes = 0;
  #toldMessages = 0;
  #toldBytes = 0;
  #isFlooded = false;

  constructor(limits: CreditLimits) {
    this.#limits = limits;
  }

  /** Messages that wait to be taken. */
  get messages(): number {
    return this.#arrivedMessages - this.#takenMessages;
  }

  /** Bytes of data that wait to be taken. */
  get bytes(): number {
    return this.#arrivedBytes - this.#takenBytes;
  }

  /** What to tell the peer. */
  get totals(): CreditTotals {
    return { messages: this.#takenMessages >>> 0, bytes: this.#takenBytes >>> 0 };
  }

  /**
   * A message arrived.
   *
   * @returns true for the message that begins a flood: less than a fifth of the space is left, and
   * this sender fills it
   * @throws PortError PROTOCOL_ERROR when the peer had no credit for it: we had not told of any
   */
  onArrived(dataBytes: number): boolean {
    const { maxQueuedMessages, maxPoolUsage } = this.#limits;
    if (
      this.#arrivedMessages - this.#toldMessages >= maxQueuedMessages ||
      this.#arrivedBytes - this.#toldBytes >= maxPoolUsage
    ) {
      throw new PortError('PROTOCOL_ERROR', 'Cannot take message: peer sent it without credit');
    }
    this.#arrivedMessages++;
    this.#arrivedBytes += dataBytes;
    if (this.#isFlooded) return false;
    const isFull =
      this.messages > maxQueuedMessages * FLOOD_SHARE || this.bytes > maxPoolUsage * FLOOD_SHARE;
    const isMuch = this.messages > FLOOD_MESSAGES || this.bytes > maxPoolUsage / 2;
    this.#isFlooded = isFull && isMuch && this.messages > 1; // One long message is none.
    return this.#isFlooded;
  }

  /** A message was taken. @returns whether the peer should be told now */
  onTaken(dataBytes: number): boolean {
    const { maxQueuedMessages, maxPoolUsage } = this.#limits;
    this.#takenMessages++;
    this.#takenBytes += dataBytes;
    if (this.#isFlooded) {
      this.#isFlooded = this.messages > maxQueuedMessages / 2 || this.bytes > maxPoolUsage / 2;
    }
    return (
      2 * (this.#takenMessages - this.#toldMessages) >= maxQueuedMessages ||
      2 * (this.#takenBytes - this.#toldBytes) >= maxPoolUsage
    );
  }

  /** The peer was told the totals. */
  onTold(): void {
    this.#toldMessages = this.#takenMessages;
    this.#toldBytes = this.#takenBytes;
  }
}
