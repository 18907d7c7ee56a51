import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { BoundClient } from '@portcall/rpc';

import type { FileDigestClient } from '../gen/digest.portcall.js';

/** What came of one file. */
export interface FileResult {
  readonly name: string;
  readonly sizeBytes: number;
  /** How the content travelled. */
  readonly mode: 'section' | 'inline';
  /** The whole call: to the service, digest there, and back. */
  readonly elapsedMs: number;
  readonly sha256: string;
  /** The service's digest is the one this process computed itself. */
  readonly isEqual: boolean;
  /** This process, as the kernel told the service. */
  readonly caller: string;
}

/** Has one file digested by the service, and checks the answer against a digest of its own. */
export async function digestFile(
  client: BoundClient<FileDigestClient>,
  path: string,
  name: string,
): Promise<FileResult> {
  const content = await readFile(path);
  const sectionsBefore = client.connection.statistics.sentSection;
  const startedAt = performance.now();
  const reply = await client.digest({ name, content }, { timeoutMs: 60_000 });
  const elapsedMs = performance.now() - startedAt;
  const ownSha256 = createHash('sha256').update(content).digest('hex');
  const { caller } = reply;
  return {
    name,
    sizeBytes: content.length,
    mode: client.connection.statistics.sentSection > sectionsBefore ? 'section' : 'inline',
    elapsedMs,
    sha256: reply.sha256,
    isEqual: reply.sha256 === ownSha256 && reply.size === BigInt(content.length),
    caller: `pid ${caller?.pid}, uid ${caller?.uid}, ${caller?.exe}`,
  };
}
