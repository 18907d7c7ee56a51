import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { NativeBinding } from '@portcall/native';

/*
 * Decoders that packages keep to themselves. They are loaded from the built package and typed here,
 * as far as the targets use them.
 */

/** `port/message-header`, as far as it is used. */
export interface HeaderModule {
  emptyHeader(): Header;
  readMessageHeader(into: Header, view: DataView, offset: number, lengthBytes: number): void;
}

/** What is read of a message's header. */
export interface Header {
  type: number;
  attributeMask: number;
  bodyOffset: number;
  end: number;
  dataLength: number;
  mode: number;
  defect: string | undefined;
}

/** `port/incoming-attributes`, as far as it is used. */
export interface AttributesModule {
  readAttributes(
    mask: number,
    view: DataView,
    offset: number,
    end: number,
  ): { readonly attributes: object; readonly end: number } | undefined;
}

/** `port/handshake-payload`, as far as it is used. */
export interface PayloadModule {
  decodeConnectPayload(bytes: Uint8Array): object;
  decodeRejectPayload(bytes: Uint8Array): object;
}

/** `transport/record-stream`, as far as it is used. */
export interface RecordStreamModule {
  RecordStream: new (
    handler: { onRecord(bytes: Uint8Array, view: DataView, at: number, length: number): void },
    limits: { readonly recordBytesMax: number },
  ) => { push(piece: Uint8Array): void };
}

/** `shm/control-stream`, as far as it is used. */
export interface ControlStreamModule {
  ControlStream: new (
    native: Pick<NativeBinding, 'receive' | 'receiveWith' | 'close'>,
    fd: number,
    listener: {
      onSection(id: number, section: { readonly fd: number | undefined }): void;
      onHandles(id: number, fds: readonly number[]): void;
      onCredentials(id: number, credentials: object): void;
    },
    wantsCredentials: boolean,
  ) => { read(): string; close(): void };
}

/** `shm/ring-consumer`, as far as it is used. */
export interface RingConsumerModule {
  RingConsumer: new (
    peer: { mapping: ArrayBuffer; words: Int32Array; ringBytes: number },
    ownWords: Int32Array,
    startCursor?: number,
  ) => {
    readonly bytes: Uint8Array;
    readonly view: DataView;
    copyBatch(): boolean;
    next(): number;
  };
}

/** `shm/shm-sections`, as far as it is used: to receive. */
export interface SectionsModule {
  ShmSections: new (host: {
    native: NativeBinding;
    fd: number;
    ownWords: Int32Array;
    peerWords: Int32Array;
    limits: { readonly maxSectionSize: number; readonly maxTotalSectionSize: number };
    readControl: () => boolean;
  }) => {
    onAnnounced(sectionId: number, section: { fd: number; sizeBytes: number }): void;
    take(reference: { readonly sectionId: number; readonly lengthBytes: number }): Uint8Array;
    close(): void;
  };
}

/** `rpc/metadata`, as far as it is used. */
export interface MetadataModule {
  decodeMetadata(bytes: Uint8Array): {
    readonly header: Iterable<readonly [string, readonly unknown[]]>;
    readonly trailer: Iterable<readonly [string, readonly unknown[]]>;
  };
}

/** `rpc/error-reply`, as far as it is used. */
export interface ErrorReplyModule {
  decodeErrorReply(
    bytes: Uint8Array,
    options: { readonly method: string; readonly idempotent: boolean },
  ): Error;
}

/** Loads a module of a built package that its `exports` do not name. */
export async function loadInternal<T>(packageName: string, file: string): Promise<T> {
  const entry = createRequire(import.meta.url).resolve(packageName);
  const url = pathToFileURL(join(dirname(entry), `${file}.js`)).href;
  return (await import(url)) as T;
}
