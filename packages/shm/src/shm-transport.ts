import { fstatSync, ftruncateSync, lstatSync, readSync, unlinkSync, writeSync } from 'node:fs';

import { errnoName, loadNative, systemError, type NativeBinding } from '@portcall/native';
import { lockOwnerLives, parseLockOwner, type FileLock, type Transport } from '@portcall/transport';

import { attachIncoming } from './attach-incoming.js';
import { connectShm } from './connect-shm.js';
import { listenShm } from './listen-shm.js';
import { SHM_CAPABILITIES } from './shm-link.js';

/** The transport, or the reason why this process cannot have it. */
export type ShmAvailability =
  | { readonly transport: Transport; readonly reason?: undefined }
  | { readonly transport?: undefined; readonly reason: string };

/**
 * The shared-memory transport of this process. Never throws.
 *
 * It answers clients without shared memory over the same socket, and reaches such servers too.
 */
export function createShmTransport(): ShmAvailability {
  const { binding, reason } = loadNative();
  if (binding === undefined) return { reason };
  return {
    transport: {
      name: 'shm',
      capabilities: SHM_CAPABILITIES,
      listen: async (address, options) => listenShm(binding, address, options),
      connect: (address, options) => connectShm(binding, address, options),
      attach: (detached, options) => attachIncoming(binding, detached, options),
      tryLock: (path) => tryLock(binding, path),
    },
  };
}

/** More than any owner writes. */
const LOCK_TEXT_BYTES = 100;

/** Tries again when the last owner removed the file between our open and our lock. */
function tryLock(native: NativeBinding, path: string): FileLock | undefined {
  for (;;) {
    const fd = native.lockFile(path);
    if (fd >= 0) return isPidLocked(fd) ? giveBack(native, fd) : heldLock(native, path, fd);
    const code = errnoName(fd);
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return undefined;
    if (code !== 'ESTALE') throw systemError('flock', fd);
  }
}

function heldLock(native: NativeBinding, path: string, fd: number): FileLock {
  // For processes without the addon, which cannot see this lock but look who owns the file. By the
  // descriptor: whatever is at the path by now, this is the file that we have locked.
  ftruncateSync(fd);
  writeSync(fd, `flock ${process.pid}`, 0);
  const inode = fstatSync(fd, { bigint: true });
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      // Removed while it is held: whoever opened it meanwhile sees another file and tries again.
      try {
        const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
        if (found?.ino === inode.ino && found.dev === inode.dev) unlinkSync(path);
      } catch {
        // Not ours to remove any more, after a change of user: a file without a lock harms nobody.
      } finally {
        native.close(fd);
      }
    },
  };
}

function giveBack(native: NativeBinding, fd: number): undefined {
  native.close(fd);
  return undefined;
}

/** Whether the file is the lock of a live process without the addon. */
function isPidLocked(fd: number): boolean {
  const bytes = Buffer.alloc(LOCK_TEXT_BYTES);
  const owner = parseLockOwner(
    bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0)),
  );
  return owner !== undefined && owner.kind === 'pid' && lockOwnerLives(owner);
}
