import { closeSync, ftruncateSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { errnoName, loadNative, type NativeBinding } from '@portcall/native';
import { isPortError } from '@portcall/wire';

/** The addon. @throws Error when it was not built */
export function nativeBinding(): NativeBinding {
  const { binding, reason } = loadNative();
  if (binding === undefined) throw new Error(reason);
  return binding;
}

/** A memfd with nothing allocated, of a size. Owner: the caller. */
export function sparseMemfd(native: NativeBinding, bytes: number): number {
  const fd = native.memfdCreate('sparse', 0);
  ftruncateSync(fd, bytes);
  return fd;
}

/** Both ends of a connected stream. */
export interface Stream {
  readonly near: number;
  readonly far: number;
  close(): void;
}

/** Two connected sockets. */
export function connectedStream(native: NativeBinding): Stream {
  const folder = mkdtempSync(join(tmpdir(), 'pc-stream-'));
  const path = join(folder, 's');
  const listener = native.listen(path, 0o600, 4);
  const near = native.connect(path, 0);
  const far = native.accept(listener);
  native.close(listener);
  rmSync(folder, { recursive: true });
  if (near < 0 || far < 0) throw new Error(`${errnoName(near)} ${errnoName(far)}`);
  let open = true;
  return {
    near,
    far,
    close() {
      if (!open) return;
      open = false;
      for (const fd of [near, far]) {
        try {
          closeSync(fd);
        } catch {
          // The test closed it.
        }
      }
    },
  };
}

/** Code of the PortError that an action throws, else what it threw, else nothing. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return isPortError(error) ? error.code : `not a PortError: ${String(error)}`;
  }
  return 'nothing thrown';
}

/** As {@link codeOf}, for promises. */
export async function codeOfRejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return isPortError(error) ? error.code : `not a PortError: ${String(error)}`;
  }
  return 'nothing thrown';
}
