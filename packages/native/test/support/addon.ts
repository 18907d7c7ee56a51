import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';

import { loadNative, type NativeBinding } from '@portcall/native';

const require = createRequire(import.meta.url);

/** The built package: the addon stands beside its compiled code, not beside its source. */
export const NATIVE_ENTRY = require.resolve('@portcall/native');

const chosen = process.env['PORTCALL_NATIVE'] ?? '';

/** The addon's file: the one that `loadNative()` takes. */
export const ADDON_FILE = isAbsolute(chosen)
  ? chosen
  : join(NATIVE_ENTRY, `../portcall-linux-${process.arch}.node`);

/** The addon. @throws Error when it was not built */
export function nativeBinding(): NativeBinding {
  const { binding, reason } = loadNative();
  if (binding === undefined) throw new Error(reason);
  return binding;
}

/** A second copy of the addon in this process: another file is another library to the loader. */
export function secondBinding(folder: string): NativeBinding {
  const copy = join(folder, 'second.node');
  copyFileSync(ADDON_FILE, copy);
  return require(copy) as NativeBinding;
}
