/*
 * Threat: a CONNECT_REQUEST that is well-formed as a frame and lies in its payload: counts that
 * reach behind its end, limits of 0 or 2³¹, bits that mean nothing yet. Whatever its parts do not
 * agree on must end the connection before the program is asked.
 */
import { describe, expect, it } from 'vitest';

import { transportsUnderTest } from '@portcall/testing';

import { GROUNDS, lastOf, useHostileWorld, type HostileCase } from './support/hostile-world.js';

/**
 * `ends`: with a REJECT or without one, the page says both. `rejected`: with one, for sure. `lax`:
 * the page does not say.
 */
type Wanted = 'ends' | 'accepted' | 'rejected' | 'lax';

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);
const word = (index: number): string => `a${String(index).padStart(2, '0')}`;

const REQUESTS: readonly (readonly [name: string, words: string, wanted: Wanted])[] = [
  ...[0, 1, 15, 257, 300, 65_536, 0x7fffffff, 0xffffffff].map(
    (count) =>
      [`${count} attributes`, `attributeCount=${count} attributesPresent=16`, 'ends'] as const,
  ),
  ['15 attributes, all there', 'attributeCount=15', 'ends'],
  ['257 attributes, all there', 'attributeCount=257', 'ends'],
  ['17 attributes', 'attributeCount=17', 'accepted'],
  ['256 attributes', 'attributeCount=256', 'accepted'],
  ...numbers(16).flatMap((index) => [
    [`attribute ${index} of 2³¹`, `${word(index)}=0x80000000`, 'ends'] as const,
    [`attribute ${index} of 2³² − 1`, `${word(index)}=0xffffffff`, 'ends'] as const,
  ]),
  ...numbers(16).map((index) => {
    const mayBeZero = index === 13 || index === 14;
    return [
      `attribute ${index} of 0`,
      `${word(index)}=0`,
      mayBeZero ? 'accepted' : 'ends',
    ] as const;
  }),
  ...numbers(13).map((index) => [`attribute ${index} of 1`, `${word(index)}=1`, 'lax'] as const),
  ['handles of an unknown type', 'a13=32', 'ends'],
  ['impersonation 3', 'a14=3', 'ends'],
  ['every wanted bit', 'wanted=0xffffffff', 'accepted'],
  ['tracking 2', 'tracking=2', 'ends'],
  ['effectiveOnly 2', 'effectiveOnly=2', 'ends'],
  ['tracking and effectiveOnly', 'tracking=1 effectiveOnly=1', 'accepted'],
  ['bits behind effectiveOnly', 'zero2=1', 'ends'],
  ['an info that is not there', 'infoLength=7', 'ends'],
  ['an info of 2³² − 1', 'infoLength=0xffffffff', 'ends'],
  ['bytes behind the info', 'infoLength=3', 'ends'],
  ['an info over maxConnectInfo', 'infoSize=4097', 'ends'],
  ['an info of maxConnectInfo', 'infoSize=4096', 'accepted'],
  ['no payload', 'payload=', 'ends'],
  ['a payload of 3 bytes', 'payloadSize=3', 'ends'],
  ['a payload of garbage', 'payloadSize=500', 'ends'],
  ['a payload of 65 536 bytes of garbage', 'payloadSize=65536', 'ends'],
  ['a payload of 2³² − 1', 'length=0xffffffff', 'ends'],
  ['versions 1 to 1', 'vmin=1 vmax=1', 'rejected'],
  ['versions 3 to 255', 'vmin=3 vmax=255', 'rejected'],
  ['versions 0 to 255', 'vmin=0 vmax=255', 'accepted'],
  ['versions 1 to 2', 'vmin=1 vmax=2', 'accepted'],
  ['versions from 3 to 1', 'vmin=3 vmax=1', 'lax'],
  ['other versions, no payload', 'vmin=3 vmax=3 payload=', 'lax'],
  ['handover', 'features=2', 'lax'],
  ['quick', 'features=4', 'lax'],
  ['feature 8', 'features=8', 'ends'],
  ['feature 2³¹', 'features=0x80000000', 'ends'],
];

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

describe.skipIf(reason !== undefined)(`bad requests ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  for (const { name, server, shm } of GROUNDS) {
    it(`over ${name}`, async () => {
      let asked = 0;
      await world.serve({
        transport: server,
        onConnect: (request) => {
          asked++;
          request.accept();
        },
      });
      const cases = REQUESTS.map(([title, words, wanted]): HostileCase => {
        const features = words.includes('features=') && shm === 1;
        if (features)
          words = words.replace(/features=(\w+)/, (_, bits) => `features=${Number(bits) + 1}`);
        const info = words.includes('info') ? '' : 'infoText=accept ';
        return {
          name: title,
          phases: [
            [`connect path=${world.path()}`, `frame shm=${shm} ring=4096 ${info}${words}`],
            [wanted === 'lax' ? 'end ms=20' : wanted === 'ends' ? 'end' : 'answer'],
          ],
          verdict: (reports) => {
            const frame = lastOf(reports, 'frame');
            if (wanted === 'accepted') return frame?.type === 2 ? undefined : JSON.stringify(frame);
            if (wanted === 'rejected') return frame?.type === 3 ? undefined : JSON.stringify(frame);
            const end = lastOf(reports, 'end');
            if (wanted === 'lax') return undefined;
            return end?.ended ? undefined : JSON.stringify(end);
          },
        };
      });
      expect(await world.attack(cases)).toEqual([]);
      expect(asked).toBeLessThan(40);
      await world.expectHealthy();
    });
  }
});
