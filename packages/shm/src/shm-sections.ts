import { SEAL, TMPFS_MAGIC, errnoName, systemError, type NativeBinding } from '@portcall/native';
import type { SectionLimits, SectionReference, SectionSpace } from '@portcall/transport';
import {
  CONTROL_TOKEN,
  PortError,
  REGION_OFFSET,
  SECTION_KIND,
  SECTION_TOKEN_BYTES,
  SECTION_TOKEN_OFFSET,
} from '@portcall/wire';

import type { AnnouncedSection } from './control-stream.js';
import { readUntilHeld } from './read-until-held.js';
import { SectionMemory } from './section-memory.js';

const SECTIONS_CONSUMED = REGION_OFFSET.SECTIONS_CONSUMED / 4;

/** Sections of one direction that the receiver has not copied out yet: bounds its descriptors. */
export const SECTIONS_IN_FLIGHT_MAX = 64;

/** Sections grow in these steps, so that one serves messages of similar length. */
const SECTION_STEP_BYTES = 64 * 1024;

/** Bytes of free sections that are kept for the next message; larger ones go back to the system. */
const FREE_BYTES_MAX = 32 * 1024 * 1024;

/** A section's contents never shrink under its reader, nor can the seals be changed. */
const SECTION_SEALS = SEAL.SHRINK | SEAL.GROW | SEAL.SEAL;

/** Of a section that nobody can write to any more, its sender and a thread of it included. */
const FINAL_SEALS = SECTION_SEALS | SEAL.WRITE;

/**
 * From this length on a section is sealed and mapped. Measured: taking 60 MiB costs 0.2 ms so and
 * 20 ms copied; with the page faults of a receiver that reads every page both ways cost the same,
 * 45 and 41 ms in sum, and shorter ones cost less copied.
 */
const SEALED_FROM_BYTES = 48 * 1024 * 1024;

interface Section {
  readonly fd: number;
  readonly sizeBytes: number;
  /** It is used once. */
  readonly isSealed: boolean;
}

/** What sections need of the link they belong to. */
export interface SectionHost {
  readonly native: NativeBinding;
  /** The control socket. */
  readonly fd: number;
  readonly ownWords: Int32Array;
  readonly peerWords: Int32Array;
  readonly limits: SectionLimits;
  /** From which length on sections are sealed. Default: 48 MiB. */
  readonly sealedFromBytes?: number;
  /** Ends the link when the peer broke the protocol; throws anything else on. */
  readonly endByViolation: (error: unknown) => void;
  /** Reads the control socket now, for an announcement. @returns whether more may be waiting */
  readonly readControl: () => boolean;
  /** The peer must say when it has consumed sections. */
  readonly waitForSpace: () => void;
  /** The control socket is full. */
  readonly waitForSocket: () => void;
}

/**
 * Large messages in memory of their own: the sender fills a memfd and passes its descriptor, the
 * receiver copies the contents out and counts it as consumed, and the sender may use it again.
 *
 * Sections are consumed in the order they were sent, so one counter in the receiver's region says
 * which are free. `pread`/`pwrite` move the bytes: no mapping, so nothing a peer does can fault.
 *
 * The largest are sealed against writing before they leave and used once: the receiver maps them in
 * private, which takes the same time for any length. It checks that all of their memory is there,
 * so that reading cannot fault, and copies when it holds too many maps.
 */
export class ShmSections implements SectionSpace {
  readonly sectionBytesMax: number;
  readonly #host: SectionHost;
  readonly #sealedFromBytes: number;
  readonly #inFlight: Section[] = [];
  readonly #free: Section[] = [];
  #inFlightBytes = 0;
  #freeBytes = 0;
  #freed = 0;
  #nextId = 1;
  /** Announced by the peer and not taken yet. */
  readonly #announced = new Map<number, AnnouncedSection>();
  #consumed = 0;
  readonly #memory: SectionMemory;
  /** What the peer takes in flight, once that is known. */
  #totalBytesMax = Infinity;
  /** The socket is closed, and its number may be another's: nothing may be sent. */
  #isClosed = false;
  readonly #token = new Uint8Array(SECTION_TOKEN_BYTES);
  readonly #tokenView = new DataView(this.#token.buffer);

  constructor(host: SectionHost) {
    this.#host = host;
    this.sectionBytesMax = host.limits.maxSectionSize;
    this.#memory = new SectionMemory(host.native, host.limits.maxTotalSectionSize);
    this.#sealedFromBytes = host.sealedFromBytes ?? SEALED_FROM_BYTES;
  }

  /** The peer takes no more than this in flight. */
  limitTotal(bytes: number): void {
    this.#totalBytesMax = bytes;
  }

  tryPlace(parts: readonly Uint8Array[], totalBytes: number): SectionReference | undefined {
    const { limits, waitForSpace } = this.#host;
    if (totalBytes > limits.maxSectionSize) {
      throw new PortError(
        'MESSAGE_TOO_LONG',
        `Cannot place section: length is ${totalBytes} bytes, limit is ` +
          `${limits.maxSectionSize} bytes`,
      );
    }
    if (this.#isClosed) return undefined;
    if (!this.#tryReclaim()) return undefined;
    const fits = (): boolean =>
      this.#inFlight.length < SECTIONS_IN_FLIGHT_MAX &&
      (this.#inFlight.length === 0 ||
        this.#inFlightBytes + totalBytes <=
          Math.min(limits.maxTotalSectionSize, this.#totalBytesMax));
    if (!fits()) {
      waitForSpace();
      // The peer may have consumed just before it could see that we wait.
      if (!this.#tryReclaim()) return undefined;
      if (!fits()) return undefined;
    }
    const section =
      totalBytes >= this.#sealedFromBytes
        ? this.#create(totalBytes, true)
        : (this.#takeFree(totalBytes) ?? this.#createToCopy(totalBytes));
    this.#fill(section, parts);
    if (section.isSealed) this.#seal(section, FINAL_SEALS);
    return this.#announce(section, totalBytes);
  }

  take(reference: SectionReference): Uint8Array {
    const { native, ownWords, readControl } = this.#host;
    readUntilHeld(this.#announced, reference.sectionId, readControl);
    const section = this.#announced.get(reference.sectionId);
    if (section === undefined) throw bad(`section ${reference.sectionId} was not announced`);
    this.#announced.delete(reference.sectionId);
    const { fd } = section;
    try {
      if (fd === undefined) throw noDescriptor();
      this.#check(section, fd, reference.lengthBytes);
      const mapped = section.isSealed ? this.#tryMap(fd, reference.lengthBytes) : undefined;
      return mapped ?? this.#copyOut(fd, reference.lengthBytes);
    } finally {
      if (fd !== undefined) native.close(fd);
      this.#consumed = (this.#consumed + 1) >>> 0;
      // Pairs with the load in #reclaim: the sender may now overwrite it.
      Atomics.store(ownWords, SECTIONS_CONSUMED, this.#consumed);
    }
  }

  /** @returns `undefined` when it must be copied: it is short, or cannot be mapped now */
  #tryMap(fd: number, bytes: number): Uint8Array | undefined {
    return bytes < this.#sealedFromBytes ? undefined : this.#memory.tryMap(fd, bytes);
  }

  #copyOut(fd: number, lengthBytes: number): Uint8Array {
    const bytes = this.#memory.allocate(lengthBytes);
    for (let done = 0; done < bytes.length;) {
      const count = this.#host.native.readAt(fd, bytes, done, bytes.length - done, done);
      if (count <= 0) throw bad(`pread gave ${count} at ${done} of ${bytes.length} bytes`);
      done += count;
    }
    return bytes;
  }

  giveBack(bytes: Uint8Array): void {
    this.#memory.giveBack(bytes);
  }

  /** The peer announced a section: `fd` is ours now. @throws PortError PROTOCOL_ERROR */
  onAnnounced(sectionId: number, section: AnnouncedSection): void {
    const isTooMany = this.#announced.size >= SECTIONS_IN_FLIGHT_MAX;
    if (sectionId === 0 || isTooMany || this.#announced.has(sectionId)) {
      if (section.fd !== undefined) this.#host.native.close(section.fd);
      throw bad(`section ${sectionId} is 0, one too many, or known already`);
    }
    this.#announced.set(sectionId, section);
  }

  /** Closes every descriptor. */
  close(): void {
    this.#isClosed = true;
    const { native } = this.#host;
    for (const section of [...this.#inFlight.splice(0), ...this.#free.splice(0)]) {
      if (section.fd >= 0) native.close(section.fd);
    }
    for (const { fd } of this.#announced.values()) if (fd !== undefined) native.close(fd);
    this.#announced.clear();
  }

  /** Moves what the peer has consumed to the free list. The count comes from the peer: checked. */
  #tryReclaim(): boolean {
    try {
      this.#reclaim();
      return true;
    } catch (error) {
      this.#host.endByViolation(error);
      return false;
    }
  }

  #reclaim(): void {
    const consumed = Atomics.load(this.#host.peerWords, SECTIONS_CONSUMED) >>> 0;
    const count = (consumed - this.#freed) >>> 0;
    if (count > this.#inFlight.length) {
      throw bad(`peer consumed ${count} sections, ${this.#inFlight.length} were in flight`);
    }
    this.#freed = consumed;
    for (const section of this.#inFlight.splice(0, count)) {
      this.#inFlightBytes -= section.sizeBytes;
      this.#keepOrClose(section);
    }
  }

  #keepOrClose(section: Section): void {
    if (section.fd < 0) return;
    if (section.isSealed || this.#freeBytes + section.sizeBytes > FREE_BYTES_MAX) {
      this.#host.native.close(section.fd);
      return;
    }
    this.#free.push(section);
    this.#freeBytes += section.sizeBytes;
  }

  #takeFree(totalBytes: number): Section | undefined {
    const index = this.#free.findIndex((section) => section.sizeBytes >= totalBytes);
    if (index < 0) return undefined;
    const [section] = this.#free.splice(index, 1);
    if (section !== undefined) this.#freeBytes -= section.sizeBytes;
    return section;
  }

  #createToCopy(totalBytes: number): Section {
    const steps = Math.ceil(totalBytes / SECTION_STEP_BYTES);
    const section = this.#create(steps * SECTION_STEP_BYTES, false);
    this.#seal(section, SECTION_SEALS);
    return section;
  }

  #create(sizeBytes: number, isSealed: boolean): Section {
    const fd = this.#host.native.memfdCreate('portcall-section', sizeBytes);
    if (fd < 0) throw noMemory('memfd_create', fd, sizeBytes);
    return { fd, sizeBytes, isSealed };
  }

  #seal({ fd, sizeBytes }: Section, seals: number): void {
    const { native } = this.#host;
    const sealed = native.addSeals(fd, seals);
    if (sealed >= 0) return;
    native.close(fd);
    throw noMemory('fcntl', sealed, sizeBytes);
  }

  #fill(section: Section, parts: readonly Uint8Array[]): void {
    const { native } = this.#host;
    let position = 0;
    for (const part of parts) {
      for (let done = 0; done < part.length;) {
        const count = native.writeAt(section.fd, part, done, part.length - done, position + done);
        if (count <= 0) {
          native.close(section.fd);
          throw noMemory('pwrite', count, section.sizeBytes);
        }
        done += count;
      }
      position += part.length;
    }
  }

  #announce(section: Section, totalBytes: number): SectionReference | undefined {
    const { native, fd, waitForSocket } = this.#host;
    const sectionId = this.#nextId;
    const view = this.#tokenView;
    view.setUint8(SECTION_TOKEN_OFFSET.TOKEN, CONTROL_TOKEN.SECTION);
    const kind = section.isSealed ? SECTION_KIND.SEALED : SECTION_KIND.COPIED;
    view.setUint8(SECTION_TOKEN_OFFSET.KIND, kind);
    view.setUint32(SECTION_TOKEN_OFFSET.SECTION_ID, sectionId, true);
    view.setUint32(SECTION_TOKEN_OFFSET.SIZE_LOW, totalBytes % 0x100000000, true);
    view.setUint32(SECTION_TOKEN_OFFSET.SIZE_HIGH, Math.floor(totalBytes / 0x100000000), true);
    // 16 bytes are one buffer of the kernel: they go whole or not at all.
    const sent = native.send(fd, this.#token, 0, SECTION_TOKEN_BYTES, section.fd);
    if (sent !== SECTION_TOKEN_BYTES) {
      this.#keepOrClose(section);
      if (!/^(EAGAIN|EPIPE|ECONNRESET)$/.test(errnoName(sent))) {
        throw noMemory('sendmsg', sent, section.sizeBytes);
      }
      waitForSocket(); // Or nobody is there to send to, which its watch tells.
      return undefined;
    }
    this.#nextId = this.#nextId === 0xffffffff ? 1 : this.#nextId + 1;
    // Sealed, it is of no more use here; its memory counts until the peer has taken it.
    if (section.isSealed) native.close(section.fd);
    this.#inFlight.push(section.isSealed ? { ...section, fd: -1 } : section);
    this.#inFlightBytes += section.sizeBytes;
    return { sectionId, lengthBytes: totalBytes };
  }

  /** The one place that looks at a section's descriptor. */
  #check(section: AnnouncedSection, fd: number, lengthBytes: number): void {
    // Of length 0 when nobody wants the data.
    if (lengthBytes !== 0 && lengthBytes !== section.sizeBytes) {
      throw bad(`it has ${section.sizeBytes} bytes, message has ${lengthBytes} bytes`);
    }
    const fields = new Float64Array(5);
    if (this.#host.native.inspect(fd, fields) < 0) throw bad('it cannot be inspected');
    const [, size = 0, allocated = 0, magic = 0, seals = -1] = fields;
    const wanted = section.isSealed ? FINAL_SEALS : SECTION_SEALS;
    if (magic !== TMPFS_MAGIC || seals < 0) throw bad('it is not a memfd');
    if ((seals & wanted) !== wanted) throw bad(`its seals are ${seals}`);
    if (section.isSealed && (size !== section.sizeBytes || allocated < size)) {
      throw bad(`sealed, it has ${allocated} of ${size} bytes, wanted ${section.sizeBytes}`);
    }
    if (lengthBytes > size)
      throw bad(`its size is ${size} bytes, message has ${lengthBytes} ` + `bytes`);
    if (lengthBytes > this.sectionBytesMax) {
      throw bad(`message has ${lengthBytes} bytes, limit is ${this.sectionBytesMax} bytes`);
    }
  }
}

function bad(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot take section: ${text}`);
}

function noDescriptor(): PortError {
  return new PortError(
    'QUOTA_EXCEEDED',
    'Cannot take section: this process has no descriptor left',
    { executed: 'no' },
  );
}

function noMemory(syscall: string, result: number, sizeBytes: number): PortError {
  return new PortError(
    'QUOTA_EXCEEDED',
    `Cannot place section of ${sizeBytes} bytes: ${syscall} failed with ${errnoName(result)}`,
    { cause: systemError(syscall, result) },
  );
}
