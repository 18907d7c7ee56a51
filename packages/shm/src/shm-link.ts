import { availableParallelism } from 'node:os';

import { WATCH_EVENT, errnoName, type NativeBinding } from '@portcall/native';
import type {
  Link,
  LinkEnd,
  LinkHandler,
  LinkLimits,
  LinkOptions,
  PeerIdentity,
  RecordClaim,
  TransportCapabilities,
} from '@portcall/transport';
import { RECORD_HEADER_BYTES, RECORD_OFFSET, isPortError } from '@portcall/wire';

import { AdaptiveLinger } from './adaptive-linger.js';
import { beforeBlockOf, type AwakeSide, type BeforeBlock } from './before-block.js';
import { ControlStream, type ControlListener, type ControlState } from './control-stream.js';
import { EarlyBell } from './early-bell.js';
import { FdWatch } from './fd-watch.js';
import type { OwnRegion, Region } from './region.js';
import { RingConsumer } from './ring-consumer.js';
import { RingProducer } from './ring-producer.js';
import { ShmCompanions } from './shm-companions.js';
import { ShmSections } from './shm-sections.js';
import { SpinBeforeWait } from './spin-before-wait.js';
import { WakeWords } from './wake-words.js';

/** Longest stretch of delivering records before other work of the event loop gets a turn. */
const DRAIN_BUDGET_MS = 1;

/** Longest stretch of blocking: a worker thread can be terminated only in between. */
const WAIT_SLICE_MS = 100;

/** How long to wait before ringing again when the kernel had no memory for one byte. */
const RING_RETRY_MS = 2;

/** What this transport can do today. */
export const SHM_CAPABILITIES: TransportCapabilities = {
  identity: true,
  descriptors: true,
  sections: true,
  direct: 'emulated',
  doorbell: true,
  quick: false,
  synchronous: true,
};

/** What a link is made of; it owns all of it from then on. */
export interface ShmLinkParts {
  readonly native: NativeBinding;
  /** The connected socket, watched already. */
  readonly fd: number;
  readonly watch: FdWatch;
  /** −1 where the kernel has none. */
  readonly pidfd: number;
  readonly peer: PeerIdentity | undefined;
  readonly own: OwnRegion | Region;
  readonly peerRegion: Region;
  readonly options: LinkOptions;
  /** SO_PASSCRED is on: the peer may have the kernel vouch for it with a message. */
  readonly wantsCredentials: boolean;
}

/** Two rings, a doorbell, sections, and two signs of the peer's death. */
export class ShmLink implements Link, AwakeSide {
  readonly peer: PeerIdentity | undefined;
  readonly capabilities = SHM_CAPABILITIES;
  readonly transportName = 'shm';
  readonly recordBytesMax: number;
  readonly sections: ShmSections;
  readonly companions: ShmCompanions;
  readonly #parts: ShmLinkParts;
  readonly #producer: RingProducer;
  readonly #consumer: RingConsumer;
  readonly #wake: WakeWords;
  readonly #control: ControlStream;
  readonly #linger: AdaptiveLinger;
  readonly #spin: SpinBeforeWait;
  readonly #pidWatch: FdWatch | undefined;
  readonly #flushSoon = (): void => this.flush();
  readonly #beforeBlock: BeforeBlock;
  readonly #earlyBell = new EarlyBell();
  #handler: LinkHandler | undefined;
  #flushQueued = false;
  /** Records were committed since the peer's sleep word was looked at last. */
  #hasUnrung = false;
  /** Known to `#beforeBlock`, as it is exactly while it is awake and started. */
  #isLooking = false;
  #draining = false;
  /** Bytes of the claim that was refused; −1 when nobody waits. */
  #wantedBytes = -1;
  /** The control socket was read since the last mark of waiting: its bell may have been there. */
  #hasReadBells = false;
  /** A section or a companion was refused; and whether for want of room in the socket. */
  #wantsOther = false;
  #wantsSocket = false;
  /** Woken for records: the doorbell, and whatever else came, is still in the socket. */
  #hasUnreadControl = false;
  /** A doorbell was read that may have told of room. */
  #mayHaveRoom = false;
  /** Seen while this thread waited: the next drain tells. */
  #isPeerGone = false;
  #ended = false;

  constructor(parts: ShmLinkParts) {
    const { native, own, peerRegion, fd } = parts;
    this.#parts = parts;
    this.peer = parts.peer;
    this.#producer = new RingProducer(own, peerRegion.words);
    this.#consumer = new RingConsumer(peerRegion, own.words);
    this.#wake = new WakeWords(own.words, peerRegion.words);
    const maySpin = parts.options.spin && availableParallelism() > 1;
    this.#linger = new AdaptiveLinger(maySpin);
    this.#spin = new SpinBeforeWait(maySpin);
    this.#beforeBlock = beforeBlockOf(native);
    this.recordBytesMax = this.#producer.recordBytesMax;
    const host = {
      native,
      fd,
      ownWords: own.words,
      peerWords: peerRegion.words,
      limits: parts.options,
      wasConsumed: (mark: number) => this.#wasConsumedOrEnd(mark),
      endByViolation: (error: unknown) => this.#endByViolation(error),
      readControl: () => {
        if (this.#ended) return false;
        // This read may take in the doorbell that was to wake this side: it must not count as
        // asleep any more, or the peer would not ring again.
        this.#stayAwake();
        this.#hasReadBells = true;
        return this.#control.read() === 'more';
      },
      waitForSpace: () => {
        this.#wantsOther = true;
        this.#producer.announceWait();
      },
      waitForSocket: () => {
        this.#wantsOther = true;
        this.#wantsSocket = true;
        parts.watch.setEvents(WATCH_EVENT.READABLE | WATCH_EVENT.WRITABLE);
      },
    };
    this.sections = new ShmSections(host);
    this.companions = new ShmCompanions(host);
    const listener: ControlListener = {
      onSection: (id, passed) => this.sections.onAnnounced(id, passed),
      onHandles: (id, passed) => this.companions.onHandles(id, passed),
      onCredentials: (id, credentials) => this.companions.onCredentials(id, credentials),
    };
    this.#control = new ControlStream(native, fd, listener, parts.wantsCredentials);
    this.#pidWatch = watchDeath(parts, () => this.#onPeerGone());
    parts.watch.listener = () => undefined;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  start(handler: LinkHandler, limits: LinkLimits): void {
    this.#handler = handler;
    this.companions.takesHandles = limits.takesHandles === true;
    this.sections.limitTotal(limits.maxTotalSectionSize ?? Infinity);
    const { watch } = this.#parts;
    watch.listener = (events) => this.#onSocket(events);
    watch.setEvents(WATCH_EVENT.READABLE);
    this.#stayAwake();
  }

  tryClaim(minBytes: number): RecordClaim | undefined {
    if (this.#ended) return undefined;
    const producer = this.#producer;
    try {
      if (producer.tryClaim(minBytes) || producer.waitForSpace(minBytes)) return producer;
    } catch (error) {
      this.#endByViolation(error);
      return undefined;
    }
    this.#wantedBytes = minBytes;
    return undefined;
  }

  commit(lengthBytes: number): void {
    this.#producer.commit(lengthBytes);
    this.companions.onCommitted(this.#producer.tail);
    if (this.#hasUnrung) return;
    // A peer that is awake looks at the ring once more before it sleeps.
    const needsBell = this.#wake.mayNeedRecordBell();
    this.#earlyBell.onCommitted(needsBell);
    if (!needsBell) return;
    this.#hasUnrung = true;
    // What is delivered ends with a flush.
    if (this.#flushQueued || this.#draining) return;
    this.#flushQueued = true;
    process.nextTick(this.#flushSoon);
  }

  abort(): void {
    // The claim moved no cursor; the next one starts at the same place.
  }

  flush(): void {
    this.#flushQueued = false;
    // Without a new record a sleeping peer sleeps rightly: ringing would only wake it for nothing.
    if (!this.#hasUnrung || this.#ended) return;
    this.#hasUnrung = false;
    if (this.#wake.peerNeedsRecordBell()) this.#ring();
  }

  drain(): void {
    if (this.#draining || this.#ended || this.#handler === undefined) return;
    if (this.#isPeerGone) this.#onPeerGone();
    else this.#deliver(DRAIN_BUDGET_MS);
  }

  wait(timeoutMs: number): boolean {
    if (this.#draining) throw new TypeError('Cannot wait: this link is delivering a record');
    if (this.#ended || this.#handler === undefined) return false;
    this.flush();
    const isThere = (): boolean => this.#consumer.hasRecords();
    if (this.#isPeerGone || isThere() || this.#spin.spin(isThere)) return true;
    this.#block(Math.min(timeoutMs, WAIT_SLICE_MS));
    return true;
  }

  isPeerAlive(): boolean | undefined {
    const { native, pidfd } = this.#parts;
    if (this.#ended || pidfd < 0) return undefined;
    return native.processEnded(pidfd) === 0;
  }

  mark(): number {
    return this.#producer.tail;
  }

  wasConsumed(mark: number): boolean {
    return this.#producer.wasConsumed(mark);
  }

  setRef(on: boolean): void {
    this.#parts.watch.setRef(on);
  }

  close(): void {
    this.flush();
    this.#finish({ kind: 'local' });
  }

  hasRecords(): boolean {
    return this.#mayHaveRoom || this.#consumer.hasRecords();
  }

  takeRecords(): void {
    this.#mayHaveRoom = false;
    this.#linger.onRecords();
    this.drain();
  }

  tryRest(nowMs: number): boolean {
    if (this.#hasUnreadControl && !this.#readBells()) return false;
    if (this.#linger.shouldLinger(nowMs, this.#wake.isPeerUp())) return false;
    this.#wake.sleep();
    // Looked at after the epoch is out: a record published before that was seen is found here, a
    // later one rings.
    if (this.#consumer.hasRecords()) {
      this.#wake.wake();
      return false;
    }
    this.#isLooking = false;
    this.#earlyBell.onRest();
    return true;
  }

  /** The socket is readable (doorbell, section, end) or writable again. */
  #onSocket(events: number): void {
    if (this.#ended) return;
    this.#stayAwake();
    if ((events & WATCH_EVENT.WRITABLE) !== 0) {
      this.#parts.watch.setEvents(WATCH_EVENT.READABLE);
    }
    if (this.#consumer.hasRecords() && !this.#hasUnreadControl) {
      // The answers first. The doorbell is read when they are out.
      this.#hasUnreadControl = true;
      if (this.#earlyBell.onWoken()) this.#ringEarly();
      this.drain();
      return;
    }
    this.#hasUnreadControl = false;
    if (this.#readControl() === 'ended') this.#onPeerGone();
    else this.drain();
  }

  /** Before this side sleeps. @returns false when it has something to do first, or has ended */
  #readBells(): boolean {
    this.#hasUnreadControl = false;
    // An end shows again, as an event of the socket.
    this.#readControl();
    if (!this.#ended) {
      // One of them may have been for that.
      this.#mayHaveRoom = this.#wantedBytes >= 0 || this.#wantsOther;
      return !this.#mayHaveRoom;
    }
    // Outside of any callback: what was queued for the next tick needs one.
    setImmediate(() => undefined);
    return false;
  }

  /** What is delivered now is answered at once, as always: the peer may as well begin to wake. */
  #ringEarly(): void {
    if (!this.#wake.peerNeedsRecordBell()) return;
    this.#ring();
    this.#earlyBell.onRung();
  }

  /** Awake from now on, until the event loop finds nothing more to do. */
  #stayAwake(): void {
    if (this.#ended) return;
    this.#wake.wake();
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#beforeBlock.add(this);
  }

  /**
   * Sleeps outside of the event loop, which finds everything afterwards as after an event: this
   * side awake, the doorbells read, and a turn queued in which it delivers the rest and goes to
   * sleep.
   */
  #block(timeoutMs: number): void {
    const { native, fd, pidfd } = this.#parts;
    // Odd already when the event loop put this side to sleep; a doorbell for it is in the socket
    // then.
    this.#wake.sleep();
    if (!this.#consumer.hasRecords()) {
      const { READABLE, WRITABLE } = WATCH_EVENT;
      const events = this.#wantsSocket ? READABLE | WRITABLE : READABLE;
      const seen = native.wait(fd, events, pidfd, Math.ceil(timeoutMs));
      if (seen > 0 && (seen & 2) !== 0) this.#isPeerGone = true;
    }
    this.#stayAwake();
    if (this.#readControl() === 'ended') this.#isPeerGone = true;
  }

  #wasConsumedOrEnd(mark: number): boolean {
    try {
      return this.#producer.wasConsumed(mark);
    } catch (error) {
      this.#endByViolation(error);
      return true;
    }
  }

  /** All that the peer had committed is delivered before the end is told. */
  #onPeerGone(): void {
    if (this.#ended || this.#handler === undefined) return;
    this.#readControl();
    this.#deliver(Infinity);
    this.#finish({ kind: 'ended' });
  }

  #deliver(budgetMs: number): void {
    const consumer = this.#consumer;
    const handler = this.#handler;
    if (handler === undefined) return;
    this.#draining = true;
    try {
      let startedAt = 0;
      while (!this.#ended && consumer.copyBatch()) {
        if (this.#wake.peerNeedsSpaceBell()) this.#ring();
        for (let at = consumer.next(); at >= 0 && !this.#ended; at = consumer.next()) {
          const bodyBytes = consumer.view.getUint32(at + RECORD_OFFSET.LENGTH, true);
          handler.onRecord(
            consumer.bytes,
            consumer.view,
            at + RECORD_HEADER_BYTES,
            bodyBytes - RECORD_HEADER_BYTES,
          );
        }
        if (!consumer.hasRecords()) break;
        if (startedAt === 0) startedAt = performance.now();
        else if (performance.now() - startedAt > budgetMs) break; // It is awake: it comes back.
      }
      // Sections are consumed while records are handled.
      if (!this.#ended && this.#wake.peerNeedsSpaceBell()) this.#ring();
    } catch (error) {
      this.#endByViolation(error);
    } finally {
      this.#draining = false;
    }
    this.#offerRoom();
    this.flush();
  }

  /** Tells the handler that there is room, if it had been refused some. */
  #offerRoom(): void {
    if (this.#ended || (this.#wantedBytes < 0 && !this.#wantsOther)) return;
    const minBytes = Math.max(this.#wantedBytes, 0);
    try {
      if (!this.#wantsOther && !this.#claimAfterBell(minBytes)) return;
    } catch (error) {
      this.#endByViolation(error);
      return;
    }
    this.#wantedBytes = -1;
    this.#wantsOther = false;
    this.#wantsSocket = false;
    this.#producer.stopWaiting();
    this.#handler?.onWritable();
  }

  /** The peer rings at the first room it makes. When that is too little, it must ring again. */
  #claimAfterBell(minBytes: number): boolean {
    if (this.#producer.tryClaim(minBytes)) return true;
    if (!this.#hasReadBells) return false;
    this.#hasReadBells = false;
    this.#producer.stopWaiting();
    return this.#producer.waitForSpace(minBytes);
  }

  #ring(): void {
    const rung = this.#parts.native.ringDoorbell(this.#parts.fd);
    // EAGAIN: the socket is full of doorbells. Without memory nothing was rung, and the peer would
    // sleep on. Any other failure shows as the end of the stream.
    if (rung < 0 && !this.#ended && /^(ENOBUFS|ENOMEM)$/.test(errnoName(rung))) {
      setTimeout(() => this.#ended || this.#ring(), RING_RETRY_MS);
    }
  }

  #readControl(): ControlState {
    this.#hasReadBells = true;
    try {
      return this.#control.read();
    } catch (error) {
      this.#endByViolation(error);
      return 'open';
    }
  }

  /** Ends the link when the peer broke the protocol; anything else is thrown on. */
  #endByViolation(error: unknown): void {
    if (!isPortError(error) || error.code !== 'PROTOCOL_ERROR') throw error;
    this.#finish({ kind: 'violation', text: error.message });
  }

  #finish(end: LinkEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#beforeBlock.remove(this);
    const { native, watch, fd, pidfd, own, peerRegion } = this.#parts;
    this.#producer.freeze();
    watch.close();
    this.#pidWatch?.close();
    this.#control.close();
    this.sections.close();
    this.companions.close();
    native.close(fd);
    if (pidfd >= 0) native.close(pidfd);
    native.revoke(own.mapping);
    native.revoke(peerRegion.mapping);
    process.nextTick(() => this.#handler?.onEnd(end));
  }
}

/**
 * The pidfd is readable once the process has ended, even if a child of it holds the socket open.
 */
function watchDeath(parts: ShmLinkParts, onDeath: () => void): FdWatch | undefined {
  if (parts.pidfd < 0) return undefined;
  try {
    const watch = new FdWatch(parts.native, parts.pidfd, onDeath);
    watch.setRef(false);
    return watch;
  } catch {
    return undefined; // The event loop cannot watch it: the socket's hang-up has to do.
  }
}
