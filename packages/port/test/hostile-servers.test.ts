/*
 * Threat: whoever listens under a name is not the server that the client means, and answers
 * whatever it likes. The client's promise settles, with a PortError or a connection, within its own
 * time; it never crashes the process, and it leaves nothing open. Every single frame and every pair
 * is tried; the table is after docs/PROTOCOL.md 2.1.
 */
import { rmSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import type { PeerReport } from '@portcall/hostile';
import { connectPort, isPortError, type CommunicationPort } from '@portcall/port';
import { transportsUnderTest, within } from '@portcall/testing';

import { useHostileWorld, type HostileWorld } from './support/hostile-world.js';

/**
 * What the client's connection comes to: open, ended after it was open, refused, failed, either of
 * these (NEVER), or waited for in vain. EITHER: the page does not say, or the client is laxer.
 */
type Result = 'OPEN' | 'OPENED' | 'REFUSED' | 'FAILED' | 'NEVER' | 'WAITING' | 'EITHER';

interface Answer {
  readonly name: string;
  /** The server's lines; `shm` says whether the client asked for shared memory. */
  readonly line: (shm: 0 | 1) => string;
  /** What it comes to where it is the first. */
  readonly first: (shm: 0 | 1) => Result;
  /** What a connection that is open comes to; nothing means OPENED: it ends. */
  readonly after?: (shm: 0 | 1) => Result;
}

const always = (result: Result) => () => result;

function frame(name: string, words: string, first: Result | Answer['first'] = 'FAILED'): Answer {
  // The first of two types counts.
  const line = (shm: 0 | 1): string => `frame ${words.replace('SHM', String(shm))} type=2`;
  return { name, line, first: typeof first === 'string' ? always(first) : first };
}

function other(name: string, line: string, after: Result, first: Result = 'FAILED'): Answer {
  return { name, line: () => line, first: always(first), after: always(after) };
}

const onlyShm = (shm: 0 | 1): Result => (shm === 1 ? 'OPEN' : 'EITHER');

const ANSWERS: readonly Answer[] = [
  frame('accept', 'shm=SHM', 'OPEN'),
  frame('accept without shared memory', 'shm=0', 'OPEN'),
  frame('accept with bad magic', 'shm=SHM magic=1'),
  frame('accept with byte 7', 'shm=SHM zero=1'),
  frame('accept of versions 3 to 9', 'shm=SHM vmin=3 vmax=9', 'NEVER'),
  frame('accept of 65 537 bytes', 'shm=SHM length=65537'),
  frame('accept without its last 4 bytes', 'shm=SHM infoText=welcome cut=4', 'WAITING'),
  frame('accept with 15 attributes', 'shm=SHM attributeCount=15'),
  frame('accept with 257 attributes', 'shm=SHM attributeCount=257'),
  frame('accept with an attribute of 0', 'shm=SHM a00=0'),
  frame('accept with an attribute of 2³¹', 'shm=SHM a04=0x80000000'),
  frame('accept with impersonation 3', 'shm=SHM a14=3'),
  // The page says that it ends.
  frame('accept with too long an info', 'shm=SHM infoSize=4097', 'EITHER'),
  frame('accept whose info is not there', 'shm=SHM infoLength=10'),
  frame('accept without payload', 'shm=SHM payload=', 'FAILED'),
  frame('accept with an unknown feature', 'shm=SHM features=0x80000001'),
  frame('shared memory nobody asked for', 'shm=1', (shm) => (shm === 1 ? 'OPEN' : 'FAILED')),
  frame('shared memory without region', 'features=1 hash=0x990396f9 ringBytes=65536'),
  frame('shared memory of another layout', 'shm=1 hash=1'),
  frame('an unsealed region', 'shm=1 region=region:unsealed'),
  frame('a sparse region', 'shm=1 region=sparse'),
  frame('a pipe for a region', 'shm=1 region=pipe'),
  frame('two regions', 'shm=1 fds=good,good'),
  frame('reject', 'type=3 status=5 infoText=no', 'REFUSED'),
  frame('reject of a busy server', 'type=3 status=15', 'EITHER'),
  frame('reject without payload', 'type=3 payload=', 'EITHER'),
  frame('reject of status 0', 'type=3 status=0', 'EITHER'),
  frame('reject of status 999', 'type=3 status=999', 'EITHER'),
  frame('reject whose info is not there', 'type=3 infoLength=9'),
  frame('request', 'type=1 shm=SHM'),
  frame('type 0', 'type=0 shm=SHM'),
  other('ping', 'message type=ping', 'OPEN'),
  other('reply', 'message type=reply id=7 dataText=x', 'OPEN'),
  other('datagram', 'message type=datagram dataText=x', 'OPEN'),
  other('close', 'message type=close', 'OPENED'),
  other('credit for what was not sent', 'message type=credit data=0100000001000000', 'OPENED'),
  { ...other('doorbell', 'bell', 'EITHER', 'EITHER'), after: onlyShm },
  // Fewer bytes than a header: the page says that they end it, the client waits for the rest.
  other('garbage', 'send data=ffffffffffffffff', 'OPENED', 'EITHER'),
  other('end of stream', 'shutdown how=both', 'OPENED'),
  other('nothing', 'drain ms=20', 'OPEN', 'WAITING'),
];

/** What the client's promise may take that no server answers. */
const TIMEOUT_MS = 1000;

/** And what a busy machine may add. */
const SLACK_MS = 5000;

const BATCH = 40;

/** The result of a sequence; after an answer that decides, the next comes to what is there. */
function resultOf(sequence: readonly Answer[], shm: 0 | 1): Result {
  let result: Result = 'WAITING';
  for (const answer of sequence) {
    if (result === 'WAITING') {
      result = answer.first(shm);
      // Bytes behind half a frame complete it, or follow it: either may be.
      if (result === 'WAITING' && answer.name !== 'nothing') result = 'EITHER';
    } else if (result === 'OPEN') {
      result = answer.after?.(shm) ?? 'OPENED';
    } else {
      // Bytes behind a REJECT may be taken for a violation.
      return result === 'REFUSED' ? 'NEVER' : result;
    }
  }
  return sequence.length === 1 && sequence[0]!.first(shm) === 'WAITING' ? 'WAITING' : result;
}

interface Outcome {
  readonly result: Exclude<Result, 'EITHER' | 'OPEN' | 'OPENED' | 'NEVER'> | 'CONNECTED';
  readonly code: string;
  readonly ms: number;
  readonly client: CommunicationPort | undefined;
}

async function connect(world: HostileWorld, name: string, shm: 0 | 1): Promise<Outcome> {
  const startedAt = performance.now();
  const ms = (): number => performance.now() - startedAt;
  try {
    const client = await within(
      name,
      connectPort(name, {
        directory: world.directory,
        transport: shm === 1 ? 'shm' : 'socket',
        attributes: { handshakeTimeoutMs: TIMEOUT_MS },
      }),
      TIMEOUT_MS + SLACK_MS,
    );
    return { result: 'CONNECTED', code: '', ms: ms(), client };
  } catch (error) {
    if (!isPortError(error)) throw error;
    const { code } = error;
    const result =
      code === 'CONNECTION_REFUSED' ? 'REFUSED' : code === 'TIMEOUT' ? 'WAITING' : 'FAILED';
    return { result, code, ms: ms(), client: undefined };
  }
}

/** What is wrong with an outcome. */
async function faultOf(wanted: Result, outcome: Outcome): Promise<string | undefined> {
  const { result, code, client } = outcome;
  const found = `${result} ${code}`;
  if (wanted === 'EITHER') return undefined;
  if (wanted === 'NEVER') return client === undefined ? undefined : found;
  if (wanted === 'REFUSED' || wanted === 'WAITING' || wanted === 'FAILED') {
    return result === wanted ? undefined : `${found}, want ${wanted}`;
  }
  if (wanted === 'OPENED') {
    // What follows at once may be seen before the promise settles, or after.
    if (client === undefined) return result === 'WAITING' ? found : undefined;
    await within('the end', client.closed, SLACK_MS);
    return undefined;
  }
  if (client === undefined) return `${found}, want a connection`;
  const ended = await Promise.race([client.closed, new Promise((done) => setTimeout(done, 1))]);
  return ended === undefined ? undefined : `ended: ${JSON.stringify(ended)}`;
}

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

describe.skipIf(reason !== undefined)(`servers that answer anything ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  async function runBatch(batch: readonly (readonly Answer[])[], shm: 0 | 1): Promise<string[]> {
    const path = (slot: number): string => world.path(`s${slot}`);
    const slots = batch.map((_, slot) => slot);
    const listening = slots.map((slot) => `${500 + slot} listen path=${path(slot)}`);
    await world.peer.run(listening);
    const serving = world.peer.run([
      ...slots.map((slot) => `${slot} accept from=${500 + slot}`),
      ...slots.map((slot) => `${slot} answer`),
      ...slots.flatMap((slot) => {
        const lines = batch[slot]!.map((answer) => answer.line(shm));
        return ['cork', ...lines, 'uncork'].map((line) => `${slot} ${line}`);
      }),
    ]);
    const outcomes = await Promise.all(slots.map((slot) => connect(world, `s${slot}`, shm)));
    const reports: readonly PeerReport[] = await serving;
    const faults: string[] = [];
    for (const slot of slots) {
      const name = batch[slot]!.map((answer) => answer.name).join(' + ');
      const fault = await faultOf(resultOf(batch[slot]!, shm), outcomes[slot]!);
      if (fault !== undefined) faults.push(`${name}: ${fault}`);
      const request = reports.find((one) => one.slot === slot && one.operation === 'frame');
      if (request?.type !== 1 || request.violation)
        faults.push(`${name}: ${JSON.stringify(request)}`);
      outcomes[slot]!.client?.abort();
    }
    await Promise.all(outcomes.map(({ client }) => client?.closed));
    await world.peer.run(slots.flatMap((slot) => [`${slot} close`, `${500 + slot} close`]));
    for (const slot of slots) rmSync(path(slot));
    return faults;
  }

  const sequences = [
    ...ANSWERS.map((one) => [one]),
    ...ANSWERS.flatMap((one) => ANSWERS.map((two) => [one, two])),
  ];

  it.each([
    ['shared memory', 1],
    ['the stream', 0],
  ] as const)(
    'to a client of %s: every answer and every pair of answers',
    async (_, shm) => {
      const faults: string[] = [];
      for (let start = 0; start < sequences.length; start += BATCH) {
        faults.push(...(await runBatch(sequences.slice(start, start + BATCH), shm)));
      }
      expect(faults).toEqual([]);
    },
    60_000,
  );
});
