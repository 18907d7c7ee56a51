import type { NativeBinding } from '@portcall/native';
import type { LinkEnd, LinkHandler, LinkLimits, LinkOptions } from '@portcall/transport';

import { FdWatch } from '../../src/fd-watch.js';
import { createRegion, importRegion, type OwnRegion } from '../../src/region.js';
import { ShmLink } from '../../src/shm-link.js';
import { connectedStream, type Stream } from './native.js';

/** Small rings, and limits that no test reaches by accident. */
export const LINK_OPTIONS: LinkOptions = {
  ringBytes: 4096,
  handshakeTimeoutMs: 2000,
  spin: false,
  maxSectionSize: 1024 * 1024,
  maxTotalSectionSize: 8 * 1024 * 1024,
};

/** What both sides of the tests take. */
export const LINK_LIMITS: LinkLimits = { recordBytesMax: 2040, takesHandles: true };

/** Notes what a link calls. */
export class Recorder implements LinkHandler {
  readonly records: number[][] = [];
  readonly ends: LinkEnd[] = [];
  writable = 0;
  /** Runs for each record, after it was noted. */
  onEach: ((body: Uint8Array) => void) | undefined;

  onRecord(bytes: Uint8Array, _view: DataView, offset: number, lengthBytes: number): void {
    const body = bytes.slice(offset, offset + lengthBytes);
    this.records.push([...body]);
    this.onEach?.(body);
  }

  onWritable(): void {
    this.writable++;
  }

  onEnd(end: LinkEnd): void {
    this.ends.push(end);
  }
}

/** A link whose peer is the test: it holds the peer's end of the socket and writes its region. */
export interface LoneLink {
  readonly link: ShmLink;
  readonly own: OwnRegion;
  /** The peer's region, as its owner sees it. */
  readonly peerRegion: OwnRegion;
  readonly stream: Stream;
}

/** Owner: the caller, who closes link and stream. */
export function loneLink(native: NativeBinding, options: LinkOptions = LINK_OPTIONS): LoneLink {
  const stream = connectedStream(native);
  const own = createRegion(native, 4096);
  const peerRegion = createRegion(native, 4096);
  native.close(own.fd);
  const link = new ShmLink({
    native,
    fd: stream.near,
    watch: new FdWatch(native, stream.near, () => undefined),
    pidfd: -1,
    peer: undefined,
    own,
    peerRegion: importRegion(native, peerRegion.fd, 4096),
    options,
    wantsCredentials: false,
  });
  return { link, own, peerRegion, stream };
}

/** How the far one of two ends differs from the near one. */
export interface PairOptions {
  /** The far end has the kernel vouch for what the near one sends. */
  readonly wantsCredentials?: boolean;
  /** Descriptor of the process at the far end. Owner: the near end. */
  readonly pidfd?: number;
}

/**
 * Both ends of a connection, in this process, and the words of both. Owner: the caller, who closes
 * the ends.
 */
export function linkPair(
  native: NativeBinding,
  { wantsCredentials = false, pidfd = -1 }: PairOptions = {},
): readonly [ShmLink, ShmLink, readonly Int32Array[]] {
  const stream = connectedStream(native);
  if (wantsCredentials) native.passCredentials(stream.far, 1);
  const regions = [createRegion(native, 4096), createRegion(native, 4096)] as const;
  const make = (fd: number, own: OwnRegion, peer: OwnRegion): ShmLink =>
    new ShmLink({
      native,
      fd,
      watch: new FdWatch(native, fd, () => undefined),
      pidfd: fd === stream.near ? pidfd : -1,
      peer: undefined,
      own,
      peerRegion: importRegion(native, peer.fd, 4096),
      options: LINK_OPTIONS,
      wantsCredentials: wantsCredentials && fd === stream.far,
    });
  return [
    make(stream.near, regions[0], regions[1]),
    make(stream.far, regions[1], regions[0]),
    regions.map(({ words }) => words),
  ];
}

/** Commits a record; the peer is told at the end of this turn. @returns false without room */
export function sendRecord(link: ShmLink, body: readonly number[]): boolean {
  const claim = link.tryClaim(body.length);
  if (claim === undefined) return false;
  claim.bytes.set(body, claim.offset);
  link.commit(body.length);
  return true;
}
