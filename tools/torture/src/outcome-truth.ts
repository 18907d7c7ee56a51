import { existsSync, readFileSync } from 'node:fs';

import type { CommunicationPort } from '@portcall/port';
import { countOutcome, numberedBytes, sameBytes } from '@portcall/testing';

import type { TortureReport } from './torture-report.js';

/** What a request came to, as its caller was told. */
export interface ToldOutcome {
  readonly number: number;
  /** `replied`, or code and executed. */
  readonly told: string;
}

/** What a caller whose peer dies may be told. */
const TRUTHFUL = new Set(['replied', 'DISCONNECTED no', 'REPLY_LOST maybe']);

/** Sends numbered requests, one of each way that a message can travel, and waits for the end. */
export async function callNumbered(
  port: CommunicationPort,
  numbers: readonly number[],
): Promise<ToldOutcome[]> {
  const sizes = [8, 200, 5000, 40_000];
  return Promise.all(
    numbers.map(async (number) => {
      const data = numberedBytes(number, sizes[number % sizes.length] ?? 8);
      try {
        const reply = await port.request(data, { timeoutMs: 10_000 });
        return { number, told: sameBytes(reply, data) ? 'replied' : 'replied with other bytes' };
      } catch (error) {
        return { number, told: describeError(error) };
      }
    }),
  );
}

/** Code and executed of a port's error. */
export function describeError(error: unknown): string {
  const { code, executed } = error as { code?: string; executed?: string };
  return code === undefined ? String(error) : `${code} ${executed}`;
}

/** The numbers that a process noted as executed. */
export function readExecuted(log: string): number[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8').split('\n').filter(Boolean).map(Number);
}

/**
 * Whether what callers were told agrees with what the process that is gone had executed.
 *
 * @throws Error when a reply came of what was not executed, when something that was executed is
 * said not to have been, when something was executed twice, or for a code that is none of these
 */
export function expectTruth(
  report: TortureReport,
  outcomes: readonly ToldOutcome[],
  executed: readonly number[],
): void {
  for (const { number, told } of outcomes) {
    countOutcome(report, told);
    const times = executed.filter((other) => other === number).length;
    if (!TRUTHFUL.has(told)) throw new Error(`request ${number}: ${told}`);
    if (times > 1) throw new Error(`request ${number} was executed ${times} times`);
    if (told === 'replied' && times === 0) throw new Error(`request ${number} was not executed`);
    if (told === 'DISCONNECTED no' && times > 0) {
      throw new Error(`request ${number} was executed, and told as not executed`);
    }
  }
}
