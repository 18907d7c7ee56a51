import { setTimeout as sleep } from 'node:timers/promises';

import { PortError, isPortError } from '@portcall/wire';
import type { FileLock, Link, ListenOptions, Listener, Transport } from '@portcall/transport';

import { askForName, type HandoverAnswer } from './ask-for-name.js';
import { Nest, removeLeftovers, squatterAt } from './name-files.js';
import { OwnedFileName, type OwnedName } from './owned-name.js';
import type { PortName } from './port-name.js';
import type { PlaceFiles, PortPlace } from './port-place.js';
import { ensurePortDirectory, errnoOf, unusable } from './runtime-directory.js';
import type { SocketAccess } from './socket-access.js';

/** What `claimName` needs. */
export interface ClaimRequest {
  readonly transport: Transport;
  readonly name: PortName;
  readonly place: PortPlace;
  /** Who may reach the socket; its mode overrides that of `listen`. */
  readonly access: SocketAccess;
  readonly listen: ListenOptions;
  /**
   * Payload of the request by which the name is asked of a server that has it. `undefined`: a name
   * that is taken is PORT_NAME_IN_USE.
   */
  readonly handoverPayload?: Uint8Array | undefined;
}

/** Pause before a name that several processes want at once is tried again. */
const RETRY_MS = 5;

/** How often a lock file with two names is looked at: its owner may be about to remove one. */
const LOCK_LOOKS = 20;

/**
 * Makes the name ours: lock, listen under a private path, rename into place.
 *
 * The name never exists with a wrong mode or without a listener behind it. A socket that a dead
 * owner left behind is replaced; whatever else is there, or is not ours, is left as it is.
 *
 * @throws PortError PORT_NAME_IN_USE, ACCESS_DENIED
 */
export async function claimName(request: ClaimRequest): Promise<OwnedName> {
  const { place } = request;
  switch (place.kind) {
    case 'memory':
    case 'abstract':
      return claimAddress(request, place.address);
    case 'file':
      return new FileClaim(request, place.files).run();
  }
}

/** No file, so no lock: binding is exclusive, and ends with the listener. */
async function claimAddress(request: ClaimRequest, address: string): Promise<OwnedName> {
  const { transport, name, listen } = request;
  let listener: Listener;
  try {
    listener = await transport.listen(address, listen);
  } catch (error) {
    const inUse = errnoOf(error) === 'EADDRINUSE' || errnoOf(error) === 'PORT_NAME_IN_USE';
    throw inUse ? nameInUse(name, 'a live server owns the name', error) : error;
  }
  return {
    address,
    handover: undefined,
    setAccess: () => undefined,
    close: () => listener.close(),
  };
}

/** One attempt to get a name that is a file. */
class FileClaim {
  readonly #request: ClaimRequest;
  readonly #files: PlaceFiles;
  #nest: Nest | undefined;
  #listener: Listener | undefined;

  constructor(request: ClaimRequest, files: PlaceFiles) {
    this.#request = request;
    this.#files = files;
  }

  async run(): Promise<OwnedName> {
    const { directory } = this.#files;
    const { namespace } = this.#request.name;
    ensurePortDirectory(directory, namespace);
    try {
      removeLeftovers(directory);
      return await this.#claim();
    } catch (error) {
      await this.#listener?.close();
      if (isPortError(error)) throw error;
      throw unusable(directory, `no port can be made there (${errnoOf(error)})`, {
        namespace,
        cause: error,
      });
    } finally {
      this.#nest?.discard();
    }
  }

  async #claim(): Promise<OwnedName> {
    const { handoverPayload, listen } = this.#request;
    const giveUpAt = performance.now() + listen.handshakeTimeoutMs;
    for (;;) {
      this.#refuseSquatters();
      const lock = await this.#tryLock();
      if (lock !== undefined) {
        const owned = await this.#takeFree(lock);
        if (owned !== undefined) return owned;
      }
      if (handoverPayload === undefined) throw this.#inUse('a live server owns the name');
      const owned = await this.#takeOver(handoverPayload);
      if (owned !== undefined) return owned;
      if (performance.now() > giveUpAt) {
        throw this.#inUse(`its owner did not hand it over in ${listen.handshakeTimeoutMs} ms`);
      }
      await sleep(RETRY_MS);
    }
  }

  /** With the lock in hand. It is given back when a server without lock has the name. */
  async #takeFree(lock: FileLock): Promise<OwnedName | undefined> {
    try {
      if (!(await this.#isLive())) return await this.#moveIn(lock);
    } catch (error) {
      lock.release();
      throw error;
    }
    lock.release();
    return undefined;
  }

  /** @returns `undefined` when the owner is busy, or went away: the name is then tried again */
  async #takeOver(payload: Uint8Array): Promise<OwnedName | undefined> {
    // Clients must find somebody at the very moment the name is ours.
    await this.#listen();
    const { transport, listen, name } = this.#request;
    const answer: HandoverAnswer = await askForName({
      transport,
      address: this.#files.socket,
      options: listen,
      payload,
    });
    switch (answer.kind) {
      case 'denied':
        throw new PortError(
          'ACCESS_DENIED',
          `Cannot create port "${name.text}": its owner grants this process no "admin" right`,
          { portName: name.text, executed: 'no' },
        );
      case 'refused':
        throw this.#inUse('a live server owns the name and does not hand it over', answer.cause);
      case 'later':
        return undefined;
      case 'granted':
        return this.#takeGranted(answer.link);
    }
  }

  /** The end of the link tells the owner to look whether the name has been taken. */
  async #takeGranted(link: Link): Promise<OwnedName | undefined> {
    try {
      // The owner waits as long for us. Somebody else may try the lock for a moment meanwhile.
      const giveUpAt = performance.now() + this.#request.listen.handshakeTimeoutMs / 2;
      let lock = await this.#tryLock();
      while (lock === undefined && performance.now() < giveUpAt && !link.hasEnded) {
        await sleep(RETRY_MS);
        lock = await this.#tryLock();
      }
      if (lock === undefined) return undefined;
      try {
        return await this.#moveIn(lock);
      } catch (error) {
        lock.release();
        throw error;
      }
    } finally {
      link.close();
    }
  }

  /** The lock says nobody, but an owner on another transport may not hold it: ask the socket. */
  async #isLive(): Promise<boolean> {
    const { transport, listen } = this.#request;
    try {
      const outgoing = await transport.connect(this.#files.socket, listen);
      outgoing.close();
      return true;
    } catch (error) {
      return !(isPortError(error) && error.code === 'PORT_NOT_FOUND');
    }
  }

  async #tryLock(): Promise<FileLock | undefined> {
    for (let look = 1; ; look++) {
      const why = squatterAt(this.#files.lock, 'file');
      if (why === undefined) break;
      // Whoever takes a lock without flock(2) has it under two names for a moment.
      if (look === LOCK_LOOKS || !why.includes('hard link')) throw this.#inUse(why);
      await sleep(1);
    }
    return this.#request.transport.tryLock(this.#files.lock);
  }

  async #listen(): Promise<Nest> {
    const { transport, listen, access } = this.#request;
    if (this.#nest !== undefined) return this.#nest;
    this.#nest = new Nest(this.#files.directory);
    this.#listener = await transport.listen(this.#nest.socket, { ...listen, mode: access.mode });
    return this.#nest;
  }

  async #moveIn(lock: FileLock): Promise<OwnedName> {
    const nest = await this.#listen();
    this.#refuseSquatters();
    const { transport, name, access } = this.#request;
    const placed = nest.moveIn(this.#files, name, access);
    const listener = this.#listener;
    if (listener === undefined) throw new Error('Cannot own a name: nobody listens');
    const take = (): FileLock | undefined => transport.tryLock(this.#files.lock);
    return new OwnedFileName({ files: this.#files, placed, listener, lock, tryLock: take });
  }

  /** What is not a socket of this user's stays where it is. */
  #refuseSquatters(): void {
    const { socket, sidecar } = this.#files;
    const besides = sidecar === undefined ? undefined : squatterAt(sidecar, 'file');
    const why = squatterAt(socket, 'socket') ?? besides;
    if (why !== undefined) throw this.#inUse(why);
  }

  #inUse(why: string, cause?: unknown): PortError {
    return nameInUse(this.#request.name, why, cause);
  }
}

function nameInUse(name: PortName, why: string, cause?: unknown): PortError {
  return new PortError('PORT_NAME_IN_USE', `Cannot create port "${name.text}": ${why}`, {
    portName: name.text,
    executed: 'no',
    cause,
  });
}
