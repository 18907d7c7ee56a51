// Compiles the addon with the system's C compiler. No node-gyp: Node-API's headers come from the
// node-api-headers package, and libuv's few functions are declared in linux/uv-abi.h.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const { include_dir: headers } = createRequire(import.meta.url)('node-api-headers');
const compiler = process.env.CC ?? 'cc';
const extraFlags = (process.env.PORTCALL_CFLAGS ?? '').split(' ').filter(Boolean);
// Where a special build goes (sanitizers), so that the ordinary one stays; and of which sources.
const specialOutput = process.env.PORTCALL_ADDON_OUTPUT;
const sourceFolder = process.env.PORTCALL_ADDON_SOURCES ?? join(root, 'linux');

if (process.platform !== 'linux') {
  console.log(`native: no addon for ${process.platform}; the socket transport serves instead`);
  process.exit(0);
}

const outputFolder = join(root, 'dist');
mkdirSync(outputFolder, { recursive: true });
const sources = readdirSync(sourceFolder).filter((name) => name.endsWith('.c'));
const output = specialOutput ?? join(outputFolder, `portcall-linux-${process.arch}.node`);
const flags = ['-std=c11', '-O2', '-g1', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared'];
try {
  execFileSync(
    compiler,
    [
      ...flags,
      '-fvisibility=hidden',
      '-fstack-protector-strong',
      '-D_FORTIFY_SOURCE=2',
      '-Wl,-z,relro,-z,now',
      `-I${headers}`,
      ...extraFlags,
      ...sources.map((name) => join(sourceFolder, name)),
      '-o',
      output,
    ],
    { stdio: 'inherit' },
  );
} catch (error) {
  const missing = error.code === 'ENOENT';
  console.error(
    missing
      ? `native: cannot build the addon: no C compiler "${compiler}" found; install one (Debian: gcc) or set CC`
      : 'native: cannot build the addon: the compiler failed, see above',
  );
  process.exit(1);
}
