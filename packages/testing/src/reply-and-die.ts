import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { connectPort } from '@portcall/port';

import { numberOf, numberedBytes, sameBytes } from './bytes.js';
import { check, countOutcome, type DeathReport } from './death-report.js';
import { countResources, expectResources } from './leak-check.js';
import type { PortNodeCommands } from './programs/port-node.js';
import type { DeathOptions } from './server-death.js';
import { spawnProgram } from './spawn-program.js';
import { createTemporaryRuntime } from './temporary-runtime.js';
import { within } from './wait-until.js';

/**
 * Lengths of the replies. Over a socket, a reply is safe once the kernel has it: all 32 together
 * are less than the 208 KiB that a Unix socket takes at once by default.
 */
const REPLY_SIZES = { shm: [4, 300, 5000, 40_000], socket: [4, 300, 4000] };

/** When the server kills itself after its last reply. */
export type DyingMoment = 'same turn' | 'next turn';

/**
 * A server replies to some of 32 requests, notes each reply that was accepted, and kills itself
 * with SIGKILL: every noted reply must reach the client, whole; every other request must fail.
 */
export async function runReplyAndDie(
  report: DeathReport,
  options: DeathOptions & { readonly when: DyingMoment },
): Promise<void> {
  const base = countResources();
  const runtime = createTemporaryRuntime();
  const { transport, random, when } = options;
  const endpoint = { directory: runtime.directory, transport };
  const log = join(runtime.directory, 'log.txt');
  const count = 32;
  const replies = 1 + Math.floor(random() * count);
  const sizes = REPLY_SIZES[transport];
  const replyBytes = sizes[Math.floor(random() * sizes.length)] ?? 4;
  const program = await spawnProgram<PortNodeCommands>('port-node');
  const behaviour = { kind: 'reply-and-die', count, replies, replyBytes, log, when } as const;
  try {
    await program.call('createPort', { name: 'dying', ...endpoint, behaviour });
    const client = await connectPort('dying', endpoint);
    const requests = Array.from({ length: count }, (_, number) =>
      client.request(numberedBytes(number, 16)),
    );
    const outcomes = await within('all requests to settle', Promise.allSettled(requests));
    await program.exited;
    const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
    const noted = new Set(text.split('\n').filter(Boolean).map(Number));
    await check(report, 'the server noted its replies', () => {
      if (noted.size !== replies) throw new Error(`${noted.size} of ${replies}`);
    });
    for (const [number, outcome] of outcomes.entries()) {
      countOutcome(report, outcome.status === 'fulfilled' ? 'replied' : codeOf(outcome.reason));
      await check(report, `${transport}: a reply of ${replyBytes} bytes before death`, () => {
        checkOutcome(outcome, noted.has(number) ? numberedBytes(number, replyBytes) : undefined);
      });
    }
    await check(report, 'nothing is left after self-kill', () => expectResources(base));
  } finally {
    runtime.discard();
  }
}

function checkOutcome(
  outcome: PromiseSettledResult<Uint8Array>,
  wanted: Uint8Array | undefined,
): void {
  if (outcome.status === 'fulfilled') {
    if (wanted === undefined) throw new Error('a reply came that was never made');
    if (!sameBytes(outcome.value, wanted)) throw new Error(`reply ${numberOf(outcome.value)}`);
    return;
  }
  if (wanted !== undefined) throw new Error(`an accepted reply is lost: ${codeOf(outcome.reason)}`);
  const code = codeOf(outcome.reason);
  if (code !== 'REPLY_LOST maybe' && code !== 'DISCONNECTED no') throw new Error(code);
}

function codeOf(error: unknown): string {
  const { code, executed } = error as { code?: string; executed?: string };
  return code === undefined ? String(error) : `${code} ${executed}`;
}
