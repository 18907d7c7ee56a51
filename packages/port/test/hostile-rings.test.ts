/*
 * Threat: the other end owns the memory that its ring is in, and writes there whatever it likes,
 * also while this side reads: cursors that cannot be, records that reach out of the ring, bytes
 * that change between check and use. The connection ends; nothing outside the ring is read, and
 * the other connections notice nothing.
 */
import { describe, expect, it } from 'vitest';

import { transportsUnderTest } from '@portcall/testing';

import { LAX, casesOf, type Attack } from './support/hostile-open.js';
import { lastOf, useHostileWorld, type HostileCase } from './support/hostile-world.js';

const RING = 4096;
const SMALL = `ring=${RING}`;

const bell = 'bell';
const tail = (value: number): string[] => [`word name=tail value=${value}`, bell];
const poke = (at: number, data: string): string => `poke at=${4096 + at} data=${data}`;
const header = (length: number, kind: number, zero = 0): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(length >>> 0, 0);
  bytes.writeUInt16LE(kind, 4);
  bytes.writeUInt16LE(zero, 6);
  return bytes.toString('hex');
};

/** Advances both cursors to `position` with padding and datagrams that the server reads. */
const upTo = (position: number): string[] => [
  `message type=datagram dataSize=${position - 40}`,
  'ping',
];

const tails: readonly Attack[] = [
  ...[1, 2, 4, 7, 9, 4095].map((to): Attack => [
    `unaligned outTail ${to}`,
    tail(to),
    'ends',
    SMALL,
  ]),
  ...[RING + 8, 2 * RING, 0x7ffffff8, 0x80000000, 0xfffffff8, 0xffffffff].map((to): Attack => [
    `outTail ${to}`,
    tail(to),
    'ends',
    SMALL,
  ]),
  ['outTail over bytes that are no record', tail(8), 'ends', SMALL],
  ['outTail over a whole ring of nothing', tail(RING), 'ends', SMALL],
  ['outTail that goes back', ['message', 'read', 'word name=tail value=0', bell], 'ends', SMALL],
  [
    'outTail that goes back a little',
    ['message', 'read', 'word name=tail add=-8', bell],
    'ends',
    SMALL,
  ],
  [
    'outTail in front of its record',
    ['message noTail=1', 'word name=tail value=16', bell],
    'ends',
    SMALL,
  ],
];

const recordsInRing: readonly Attack[] = [
  ...[0, 1, 7, 9 + RING, 2 * RING, 0x7fffffff, 0xfffffff8, 0xffffffff].map((length): Attack => [
    `a record of ${length}`,
    [poke(0, header(length, 1)), ...tail(64)],
    'ends',
    SMALL,
  ]),
  ['a record longer than outTail says', [poke(0, header(128, 1)), ...tail(64)], 'ends', SMALL],
  ['a record of its header only', [poke(0, header(8, 1)), ...tail(8)], 'ends', SMALL],
  ['a record over half a ring', ['message dataSize=2040 force=1'], 'ends', SMALL],
  ['a record of half a ring', ['message type=datagram dataSize=2008'], 'lives', SMALL],
  [
    'a record across the end of the ring',
    [...upTo(2000), ...upTo(2000), poke(4000, header(256, 1)), ...tail(4256)],
    'ends',
    SMALL,
  ],
  ['padding of nothing', [poke(0, header(0, 2)), ...tail(64)], 'ends', SMALL],
  ['padding that is not the rest', [poke(0, header(64, 2)), ...tail(64)], 'ends or lives', SMALL],
  ['padding over the end', [poke(0, header(RING + 8, 2)), ...tail(RING)], 'ends', SMALL],
  ['padding of a whole ring', [poke(0, header(RING, 2)), ...tail(RING)], 'ends or lives', SMALL],
  ['padding with reserved bytes', [poke(0, header(RING, 2, 1)), ...tail(RING)], 'ends', SMALL],
];

/** More replies than the server's ring holds: it must look at what this side has read. */
const FILLING = 'message dataSize=500 times=30 force=1';

/** Heads of this side that say it has read what was never written; 8 may be by then. */
const heads: readonly Attack[] = [
  ...[1, 4, 12, 0x80000000, 0xfffffff8, 0xffffffff].map((head): Attack => [
    `inHead ${head}`,
    [`word name=head value=${head}`, FILLING],
    'ends',
  ]),
  ['inHead 8', ['word name=head value=8', FILLING], 'lives'],
  ['inHead that goes back', [FILLING, 'read count=30', 'word name=head value=0', FILLING], 'ends'],
  [
    'inHead that goes back a little',
    [FILLING, 'read count=30', 'word name=head add=-8', FILLING],
    LAX,
  ],
];

const words: readonly Attack[] = [
  [
    'a sleep epoch that jumps',
    ['word name=sleep value=0xffffffff', 'message', 'word name=sleep value=7', 'message'],
    'lives',
  ],
  [
    'a space epoch that jumps',
    ['word name=space value=0xffffffff', 'message', 'word name=space value=7', 'message'],
    'lives',
  ],
  [
    'sections consumed that never were',
    ['word name=sections value=1', bell, 'message'],
    'ends or lives',
  ],
  [
    'other words of the region',
    ['word name=magic value=0', 'word name=ringBytes value=1', 'message'],
    'lives',
  ],
  ['bytes of nobody in the header', ['poke at=700 dataSize=3000', 'message'], 'lives'],
  ['64 KiB of doorbells', ['send data=01010101010101010101010101010101 times=4096'], 'lives'],
  ['64 KiB of doorbells in one piece', ['cork', 'bell times=65536', 'uncork'], 'lives'],
];

/** Every byte of a record's header and of a message's, flipped while the server reads it. */
const flips: readonly Attack[] = Array.from({ length: 40 }, (_, byte): Attack => {
  const at = 4096 + byte;
  return [`byte ${byte}`, ['message bell=0', `flip at=${at} ms=4`], 'ends or lives'];
});

const flipsOfWords: readonly Attack[] = [128, 129, 131, 256, 257, 259, 384, 512, 640].map(
  (at): Attack => [`byte ${at} of the region`, ['message', `flip at=${at} ms=10`], 'ends or lives'],
);

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

describe.skipIf(reason !== undefined)(`bad rings ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  const groups = { tails, recordsInRing, heads, words, flips, flipsOfWords };

  it.each(Object.entries(groups))('%s', async (_, attacks) => {
    await world.serve({ transport: 'shm', ringBytes: RING });
    expect(await world.attack(casesOf(world.path(), 1, attacks))).toEqual([]);
    await world.expectHealthy();
  });

  it('that are never read do not make the server keep replies without limit', async () => {
    await world.serve({ transport: 'shm', attributes: { maxPoolUsage: 1 << 20 } });
    const before = process.memoryUsage().arrayBuffers;
    // Each request is held up by a ring that nobody reads; credit ends long before 64 MiB.
    const attack: HostileCase = {
      name: 'never reads',
      phases: [
        [`connect path=${world.path()}`, 'frame shm=1 infoText=accept ring=1048576', 'answer'],
        ['message dataSize=30000 times=2000 force=1', 'sleep ms=200'],
      ],
      verdict: () => undefined,
    };
    expect(await world.attack([attack])).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(128 << 20);
    await world.expectHealthy();
  });

  it('leave a healthy connection alone, all at once', async () => {
    await world.serve({ transport: 'shm', ringBytes: RING });
    const good = world.peer.run([
      `100 connect path=${world.path()}`,
      '100 frame shm=1 infoText=accept',
      '100 answer',
    ]);
    await good;
    const attacks = [...tails, ...recordsInRing, ...heads];
    const lines = casesOf(world.path(), 1, attacks).flatMap(({ phases }, index) => {
      const own = phases.flat().map((line) => `${index % 50} ${line}`);
      return [...own, '100 requests count=3 size=500', `${index % 50} close`];
    });
    const reports = await world.peer.run([...lines, '100 goodbye']);
    const replied = reports.filter(({ operation }) => operation === 'requests');
    expect(replied.length).toBe(attacks.length);
    for (const one of replied) expect(one).toMatchObject({ replied: 3, wrong: 0, ended: false });
    expect(lastOf(reports, 'goodbye')).toMatchObject({ ended: true });
    await world.expectNoConnections();
  });
});
