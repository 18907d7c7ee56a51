import type { PortMessage } from '@portcall/port';
import { check, countOutcome, sameBytes, within } from '@portcall/testing';

import { Target } from '../target.js';
import { TortureClient, momentOf, type ClientAnswer } from '../torture-client.js';
import { noteTime, type TortureReport } from '../torture-report.js';

/** Which publish is stepped through, and how. */
export interface StepOptions {
  /**
   * `words`: a publish of plain stores; `peer`: the hostile peer's, with its allocations and its
   * `memcpy`; `planted`: one that is wrong, since it moves the tail before it writes.
   */
  readonly way: 'words' | 'peer' | 'planted';
  /** Every how many-th instruction is one to be killed behind. 1 for all. */
  readonly every: number;
  /** The first one. */
  readonly from?: number;
  /** Instructions at most; the publish is over before. */
  readonly stepsMax?: number;
  /** Requests before: they fill the ring with what a torn record would show. */
  readonly warm?: number;
}

/** Bytes of the message. */
const SIZE = 200;

/** Requests before it: the ring of 4 KiB has gone round, and the record needs padding before it. */
const WARM = 28;

/** Bytes of data of each; with its headers and filling 144 in the ring. */
const WARM_SIZE = 100;

const STEPS_MAX = 20_000;

/**
 * Takes C clients through the publish of one message, instruction by instruction, and kills each
 * one behind another: the server gets the whole message or none, exactly as the tail says.
 *
 * @returns instructions of the publish
 */
export async function runInstructionSteps(
  report: TortureReport,
  options: StepOptions,
  onProgress: (done: string) => void = () => undefined,
): Promise<number> {
  const came: Uint8Array[] = [];
  /** Requests that are still to be answered. */
  let answers = 0;
  await using client = new TortureClient();
  await using target = await Target.open({
    ringBytes: 8192,
    onMessage: (message: PortMessage) => {
      if (answers-- > 0) {
        void message.reply(message.data);
        return;
      }
      message.defer(); // Nobody is left to answer to.
      came.push(message.data.slice());
    },
  });
  const { way, every, from = 1, stepsMax = STEPS_MAX, warm = WARM } = options;
  for (let k = from; k <= stepsMax; k += every) {
    onProgress(`instruction ${k} of the publish by ${way}`);
    answers = warm;
    came.length = 0;
    const answer = await client.run(
      `step path=${target.path} way=${way} k=${k} size=${SIZE} ring=4096 ` +
        `warm=${warm} warmSize=${WARM_SIZE}`,
    );
    await inspect(report, target, { k, answer, came });
    answers = 1;
    if (k % 64 <= every)
      await check(report, 'another client is served', () => target.expectHealthy());
    if (answer.done === true) return answer.steps ?? 0;
  }
  return stepsMax;
}

async function inspect(
  report: TortureReport,
  target: Target,
  found: { readonly k: number; readonly answer: ClientAnswer; readonly came: Uint8Array[] },
): Promise<void> {
  const { k, answer, came } = found;
  const at = `instruction ${k}`;
  await check(report, `${at}: the end is told as a death`, async () => {
    const { end } = await target.next();
    const { closed, atMs } = await within('the end', end);
    noteTime(report, 'from kill to the end being told', atMs - momentOf(answer));
    if (closed.reason !== 'died') throw new Error(JSON.stringify(closed));
  });
  const state = answer.committed === true ? 'published' : 'not published';
  countOutcome(report, `killed with the message ${state}`);
  await check(report, `${at}: a published message comes, whole; another one does not`, () => {
    const wanted = answer.committed === true ? 1 : 0;
    if (came.length !== wanted) throw new Error(`${came.length} came, ${state}`);
    if (wanted === 1 && !sameBytes(came[0] ?? new Uint8Array(), stepBytes(k))) {
      throw new Error(`torn: ${Buffer.from(came[0] ?? []).toString('hex')}`);
    }
  });
  await check(report, `${at}: nothing is left`, () => target.expectNothingLeft());
}

/** As `numbered` in `peer/connection.c` makes them. */
export function stepBytes(number: number, lengthBytes = SIZE): Uint8Array {
  const bytes = Uint8Array.from({ length: lengthBytes }, (_, at) => (at * 7 + number * 13) & 255);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}
