// The main job on real input: digests of real files, computed by a service in another process.
// Usage: node main.js [--all] [file …]
import { once } from 'node:events';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, styleText } from 'node:util';

import { bind, isPortError } from '@portcall/rpc';

import { FileDigestService } from '../gen/digest.portcall.js';
import { digestFile, type FileResult } from './digest-file.js';
import { DIGEST_ATTRIBUTES } from './limits.js';
import { reportTable } from './report.js';
import { sourceFiles } from './source-files.js';
import { startService } from './start-service.js';

const { values, positionals } = parseArgs({
  options: { all: { type: 'boolean', default: false } },
  allowPositionals: true,
});

const repository = fileURLToPath(new URL('../../../../', import.meta.url));
const files =
  positionals.length > 0
    ? positionals.map((path) => resolve(path))
    : [process.execPath, ...sourceFiles(repository)];

try {
  process.exitCode = await run();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  console.error(`\ndigest: ${isPortError(error) ? `${error.code}: ` : ''}${text}`);
  process.exitCode = 2;
}

async function run(): Promise<number> {
  const portName = `examples/digest-${process.pid}`;
  const service = await startService(portName);
  const ended = once(service, 'exit');
  try {
    const results = await digestAll(portName);
    progress('');
    console.log(reportTable(results, values.all));
    const equal = results.filter(({ isEqual }) => isEqual).length;
    console.log(`\ncaller, as the kernel told the service: ${results[0]?.caller}`);
    console.log(`${equal} of ${results.length} files: the service's digest equals our own`);
    return equal === results.length ? 0 : 1;
  } finally {
    if (service.connected) service.disconnect();
    await ended;
  }
}

// #region client
async function digestAll(portName: string): Promise<FileResult[]> {
  await using client = await bind(FileDigestService, `ncalrpc:[${portName}]`, {
    attributes: DIGEST_ATTRIBUTES,
  });
  const { peer, transportName, fallbackReason } = client.connection;
  console.log(`service: pid ${peer?.pid}, over ${transportName}`);
  if (fallbackReason !== undefined) console.log(`no shared memory: ${fallbackReason}`);
  const results: FileResult[] = [];
  for (const file of files) {
    const name = relative(repository, file).startsWith('..') ? file : relative(repository, file);
    progress(`${results.length + 1} of ${files.length}  ${name}`);
    results.push(await digestFile(client, file, name));
  }
  return results;
}
// #endregion

/** One line that is written over, on a terminal only. */
function progress(text: string): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`\r\u001b[K${text === '' ? '' : styleText('dim', text.slice(0, 100))}`);
}
