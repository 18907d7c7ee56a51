import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MessageWriter, bind, serve } from '@portcall/rpc';
import {
  ConformanceServer,
  ConformanceService,
  Everything,
  countResources,
  createTemporaryRuntime,
  expectResources,
  transportsUnderTest,
} from '@portcall/testing';

import { FIELD_NAMES, arbitraryEverything } from './arbitrary-everything.js';

/** Random messages of one property run. */
const PARTS = 10;

/** Each with each, the fields of the second over those of the first: all on their way at once. */
const BATCH = PARTS * PARTS;

/** How many messages each transport carries: most of them go through shared memory. */
const MESSAGES = { shm: 50_000, socket: 2000, memory: 2000 };

/** Our writer's bytes, without a ring to write into. */
function encodeByOurs(message: Everything): Buffer {
  const writer = new MessageWriter();
  writer.begin(undefined);
  Everything.encode(message, writer);
  return Buffer.concat(writer.takeParts());
}

describe('random messages', () => {
  it('have every field of the message', () => {
    const named = Everything.fromPartial({
      maybeInt32: 1,
      maybeUint64: 1n,
      maybeString: '',
      maybeBytes: new Uint8Array(0),
      maybeColor: 1,
      maybeBool: true,
    });
    expect(FIELD_NAMES.toSorted()).toEqual(Object.keys(named).toSorted());
  });

  it('are encoded as the stock codec does', () => {
    fc.assert(
      fc.property(arbitraryEverything(20), (partial) => {
        const message = Everything.fromPartial(partial);
        const stock = Everything.encode(message).finish();
        expect(encodeByOurs(message).equals(stock)).toBe(true);
        const decoded = Everything.decode(stock);
        expect(Buffer.from(Everything.encode(decoded).finish()).equals(stock)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  for (const { name, create, skipReason } of transportsUnderTest()) {
    const title = `come back equal over ${name} ${skipReason ?? ''}`;
    it.skipIf(skipReason !== undefined)(title, { timeout: 120_000 }, async () => {
      const base = countResources();
      const runtime = createTemporaryRuntime();
      const meeting = { transport: create(), directory: runtime.directory };
      const handlers = new ConformanceServer();
      const server = await serve('random', [ConformanceService.implement(handlers)], meeting);
      const client = await bind(ConformanceService, 'random', meeting);
      const batch = fc.array(arbitraryEverything(), { minLength: PARTS, maxLength: PARTS });
      const property = fc.asyncProperty(batch, async (partials) => {
        const messages = partials.flatMap((one) =>
          partials.map((other) => Everything.fromPartial({ ...one, ...other })),
        );
        const answers = await Promise.all(messages.map((message) => client.echo(message)));
        for (const [index, answer] of answers.entries()) {
          const message = messages[index]!;
          // Through the stock codec first: a float is rounded, an unset optional field is left out.
          const stock = Everything.encode(message).finish();
          if (!isDeepStrictEqual(answer, Everything.decode(stock))) {
            expect(answer).toEqual(Everything.decode(stock));
            throw new Error('not strictly equal');
          }
          expect(Buffer.compare(Everything.encode(answer).finish(), stock)).toBe(0);
        }
      });
      await fc.assert(property, { numRuns: MESSAGES[name] / BATCH });
      expect(handlers.runs.get('echo')).toBeGreaterThanOrEqual(MESSAGES[name]);
      await client.connection.close();
      await server.close({ drainMs: 0 });
      runtime.remove();
      await expectResources(base);
    });
  }
});
