import { readFileSync, rmSync, writeFileSync } from 'node:fs';

import { errnoName, loadNative, systemError, type NativeBinding } from '@portcall/native';
import type { FileLock, Transport } from '@portcall/transport';

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

/** Tries again when the last owner removed the file between our open and our lock. */
function tryLock(native: NativeBinding, path: string): FileLock | undefined {
  for (;;) {
    const fd = native.lockFile(path);
    if (fd >= 0) return isPidLocked(path) ? giveBack(native, fd) : heldLock(native, path, fd);
    const code = errnoName(fd);
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return undefined;
    if (code !== 'ESTALE') throw systemError('flock', fd);
  }
}

function heldLock(native: NativeBinding, path: string, fd: number): FileLock {
  // For processes without the addon, which cannot see this lock but look who owns the file.
  writeFileSync(path, `flock ${process.pid}`);
  let held = true;
  return {
    release() {
      if (!held) return;
      held = false;
      // Removed while it is held: whoever opened it meanwhile sees another file and tries again.
      rmSync(path, { force: true });
      native.close(fd);
    },
  };
}

function giveBack(native: NativeBinding, fd: number): undefined {
  native.close(fd);
  return undefined;
}

/** Whether the file is the lock of a live process without the addon: its bare pid. */
function isPidLocked(path: string): boolean {
  const text = readFileSync(path, 'latin1');
  if (!/^[1-9]\d{0,9}$/.test(text)) return false;
  try {
    process.kill(Number(text), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
