import { chmodSync, lchownSync } from 'node:fs';

import type { FileLock, Listener } from '@portcall/transport';

import { fileIdOf, isFile, unlinkIf, type PlacedFiles } from './name-files.js';
import type { PlaceFiles } from './port-place.js';
import { errnoOf } from './runtime-directory.js';
import type { SocketAccess } from './socket-access.js';

/** A name that is ours, with its listener. */
export interface OwnedName {
  /** For the transport: path of the socket, where it has one. */
  readonly address: string;
  /** How it can be handed over; `undefined` where there is no file to do it by. */
  readonly handover: HandoverName | undefined;
  /** Changes who may reach the socket, after the port's list has changed. */
  setAccess(access: SocketAccess): void;
  /** Takes the name away first, then ends listening. */
  close(): Promise<void>;
}

/** A name in the hands of an owner who may have to give it away. */
export interface HandoverName {
  /** Gives the lock back; the socket stays in place. */
  releaseLock(): void;
  /** Takes the lock again. @returns whether we have it */
  tryRetakeLock(): boolean;
  /** Whether another socket is in our place. */
  isReplaced(): boolean;
  /** The name is another's: nothing of it is touched any more, and listening ends. */
  giveUp(): Promise<void>;
}

/** What an owned name is made of. */
export interface OwnedParts {
  readonly files: PlaceFiles;
  readonly placed: PlacedFiles;
  readonly listener: Listener;
  readonly lock: FileLock;
  readonly tryLock: () => FileLock | undefined;
}

/** A name that is a socket's file, guarded by a lock beside it. */
export class OwnedFileName implements OwnedName, HandoverName {
  readonly #parts: OwnedParts;
  #lock: FileLock | undefined;
  #givenUp = false;

  constructor(parts: OwnedParts) {
    this.#parts = parts;
    this.#lock = parts.lock;
  }

  get address(): string {
    return this.#parts.files.socket;
  }

  get handover(): HandoverName {
    return this;
  }

  setAccess(access: SocketAccess): void {
    const { files, placed } = this.#parts;
    if (!isFile(files.socket, placed.socket)) return;
    chmodSync(files.socket, 0o600); // Nobody of the old group or the new one until both are set.
    lchownSync(files.socket, process.geteuid?.() ?? 0, access.gid ?? process.getegid?.() ?? 0);
    chmodSync(files.socket, access.mode);
  }

  releaseLock(): void {
    const lock = this.#lock;
    this.#lock = undefined;
    lock?.release();
  }

  tryRetakeLock(): boolean {
    try {
      this.#lock ??= this.#parts.tryLock();
    } catch (error) {
      // A server that has given up its privileges may not open another user's lock any more.
      if (!['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error))) throw error;
    }
    return this.#lock !== undefined;
  }

  isReplaced(): boolean {
    const { files, placed } = this.#parts;
    // Our listener keeps the number of our file in use: another file cannot have it.
    return fileIdOf(files.socket) !== undefined && !isFile(files.socket, placed.socket);
  }

  async giveUp(): Promise<void> {
    this.#givenUp = true;
    await this.close();
  }

  async close(): Promise<void> {
    try {
      this.#removeName();
    } finally {
      try {
        await this.#parts.listener.close();
      } finally {
        this.releaseLock();
      }
    }
  }

  /**
   * Only under the lock: without it another server may put its socket there between our look and
   * our removal. A socket that stays is stale, and whoever wants the name next replaces it.
   */
  #removeName(): void {
    if (this.#givenUp || !this.tryRetakeLock()) return;
    const { files, placed } = this.#parts;
    try {
      if (!isFile(files.socket, placed.socket)) return;
      unlinkIf(files.socket, placed.socket);
      if (files.sidecar !== undefined) unlinkIf(files.sidecar, placed.sidecar);
    } catch (error) {
      // A server that has given up its privileges may not write to the directory any more.
      if (!['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error))) throw error;
    }
  }
}
