import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { NativeBinding } from './binding.js';

/** The addon, or the reason why this process has none. */
export type LoadedNative =
  | { readonly binding: NativeBinding; readonly reason?: undefined }
  | { readonly binding?: undefined; readonly reason: string };

/**
 * Loads the addon for this platform. Never throws.
 *
 * The environment variable `PORTCALL_NATIVE=off` makes it answer "not here", to run everything over
 * the portable transport; an absolute path loads that build of the addon instead (sanitizers). Who
 * sets this process's environment could preload code with it anyway.
 */
export function loadNative(): LoadedNative {
  const chosen = process.env['PORTCALL_NATIVE'] ?? '';
  if (chosen === 'off') {
    return { reason: 'switched off by PORTCALL_NATIVE=off' };
  }
  if (process.platform !== 'linux') {
    return { reason: `no addon for ${process.platform}: shared memory needs Linux` };
  }
  const beside = new URL(`./portcall-linux-${process.arch}.node`, import.meta.url);
  const file = isAbsolute(chosen) ? chosen : fileURLToPath(beside);
  if (!existsSync(file)) {
    return { reason: `no addon for linux-${process.arch}: ${file} does not exist` };
  }
  try {
    return { binding: createRequire(import.meta.url)(file) as NativeBinding };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { reason: `the addon does not load: ${text}` };
  }
}
