import { lstatSync, mkdtempSync, renameSync, rmSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';

import { PortError, isPortError } from '@portcall/wire';
import type {
  FileLock,
  LinkOptions,
  ListenOptions,
  Listener,
  Transport,
} from '@portcall/transport';

import { portPaths, writeNameSidecar, type PortName, type PortPaths } from './port-name.js';
import { ensureRuntimeDirectory, unusable } from './runtime-directory.js';

/** A name that is ours, with its listener. */
export interface ClaimedName {
  /** Path of the socket. */
  readonly address: string;
  /** Takes the name away first, then ends listening. */
  close(): Promise<void>;
}

/** What `claimName` needs. */
export interface ClaimRequest {
  readonly transport: Transport;
  readonly name: PortName;
  readonly directory: string;
  readonly listen: ListenOptions;
}

/**
 * Makes the name ours: lock, listen under a private path, rename into place.
 *
 * The name never exists with a wrong mode or without a listener behind it. A socket that a dead
 * owner left behind is replaced.
 *
 * @throws PortError PORT_NAME_IN_USE, ACCESS_DENIED
 */
export async function claimName(request: ClaimRequest): Promise<ClaimedName> {
  const { transport, name, directory, listen } = request;
  if (transport.name === 'memory') return claimInMemory(transport, name, listen);
  ensureRuntimeDirectory(directory);
  const paths = portPaths(directory, name);
  const lock = takeLock(transport, paths, request);
  try {
    await refuseLiveListener(transport, paths.socket, request);
    const listener = await listenInPlace(request, paths);
    return ownedName(request, paths, { lock, listener });
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function claimInMemory(
  transport: Transport,
  name: PortName,
  listen: ListenOptions,
): Promise<ClaimedName> {
  const listener = await transport.listen(name.path, listen);
  return { address: name.path, close: () => listener.close() };
}

function takeLock(transport: Transport, paths: PortPaths, request: ClaimRequest): FileLock {
  let lock: FileLock | undefined;
  try {
    lock = transport.tryLock(paths.lock);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw unusable(request.directory, `${paths.lock} cannot be written (${code})`, error);
  }
  if (lock === undefined) throw inUse(request.name);
  return lock;
}

/**
 * The lock says nobody, but an owner on another transport may not hold it: ask the socket itself.
 */
async function refuseLiveListener(
  transport: Transport,
  address: string,
  request: ClaimRequest,
): Promise<void> {
  const options: LinkOptions = request.listen;
  try {
    const link = await transport.connect(address, options);
    link.close();
  } catch (error) {
    if (isPortError(error) && error.code === 'PORT_NOT_FOUND') return;
    throw inUse(request.name, error);
  }
  throw inUse(request.name);
}

async function listenInPlace(request: ClaimRequest, paths: PortPaths): Promise<Listener> {
  const nest = mkdtempSync(join(request.directory, '.new-'));
  const temporary = join(nest, 's');
  try {
    const listener = await request.transport.listen(temporary, request.listen);
    renameSync(temporary, paths.socket);
    return listener;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw unusable(request.directory, `no socket can be made there (${code})`, error);
  } finally {
    rmSync(nest, { recursive: true, force: true });
  }
}

function ownedName(
  request: ClaimRequest,
  paths: PortPaths,
  owned: { lock: FileLock; listener: Listener },
): ClaimedName {
  const sidecar = writeNameSidecar(paths, request.name);
  const inode = inodeOf(paths.socket);
  return {
    address: paths.socket,
    async close() {
      // Only our own socket: somebody may have replaced it since.
      if (inode !== undefined && inodeOf(paths.socket)?.ino === inode.ino) {
        rmSync(paths.socket, { force: true });
        if (sidecar !== undefined) rmSync(sidecar, { force: true });
      }
      await owned.listener.close();
      owned.lock.release();
    },
  };
}

function inodeOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function inUse(name: PortName, cause?: unknown): PortError {
  return new PortError(
    'PORT_NAME_IN_USE',
    `Cannot create port "${name.text}": a live server owns the name`,
    { portName: name.text, cause },
  );
}
