/*
 * Threat: the descriptor that comes with CONNECT_REQUEST is whatever the client likes. What the
 * server maps could shrink under it, grow, lack memory, be a device or a file on a slow disk: the
 * first access would kill or stop the process. Every such region must end the connection before
 * anything is mapped, and no descriptor may stay.
 */
import { describe, expect, it } from 'vitest';

import { transportsUnderTest } from '@portcall/testing';

import { lastOf, useHostileWorld, type HostileCase } from './support/hostile-world.js';

const KINDS = [
  'region:unsealed',
  'region:noShrink',
  'region:noGrow',
  'region:noFuture',
  'region:noSeal',
  'region:magic',
  'region:hash',
  'region:ringWord',
  'zeros',
  'sparse',
  'holed',
  'short',
  'long',
  'empty',
  'directory',
  'path',
  'socket',
  'pipe',
  'file',
  'devshm',
  'null',
  'zero',
  'event',
  'epoll',
  'pidfd',
];

/** Sizes that are no power of two from 4 096 to 16 777 216, or not those of the region. */
const RING_BYTES = [0, 1, 2048, 4095, 4097, 12_288, 32_768, 33_554_432, 0x80000000, 0xffffffff];

/** Numbers and kinds of descriptors that no frame may bring. */
const DESCRIPTORS = ['good,good', 'pipe,good', 'good,pipe', 'good*16', 'pipe*253'];

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

describe.skipIf(reason !== undefined)(`bad regions ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  const endingCase = (name: string, ...lines: string[]): HostileCase => ({
    name,
    phases: [[`connect path=${world.path()}`, ...lines], ['end']],
    verdict: (reports) => {
      const end = lastOf(reports, 'end');
      if (end?.ended !== true) return 'the connection goes on';
      return end['unread'] === 0 ? undefined : 'the server answered';
    },
  });

  it.each(['shm'] as const)('end the connection without an answer', async (transport) => {
    await world.serve({ transport });
    const cases = [
      ...KINDS.map((kind) => endingCase(kind, `frame shm=1 region=${kind}`)),
      ...RING_BYTES.map((ringBytes) =>
        endingCase(`ringBytes ${ringBytes}`, `frame shm=1 ringBytes=${ringBytes}`),
      ),
      ...DESCRIPTORS.map((fds) => endingCase(`descriptors ${fds}`, `frame shm=1 fds=${fds}`)),
      endingCase('no descriptor', 'frame shm=0 features=1 hash=0x990396f9 ringBytes=65536'),
      endingCase('a descriptor nobody announced', 'frame shm=0 fds=good'),
      endingCase('words without the feature', 'frame shm=0 hash=0x990396f9 ringBytes=65536'),
      endingCase('an unknown feature', 'frame shm=0 features=0x10'),
    ];
    expect(await world.attack(cases)).toEqual([]);
    await world.expectHealthy();
  });

  it('end it 2 000 times, and nothing stays', async () => {
    await world.serve({ transport: 'shm' });
    const cases = Array.from({ length: 2000 }, (_, index) => {
      const kind = KINDS[index % KINDS.length]!;
      return endingCase(`${index} ${kind}`, `frame shm=1 region=${kind} ring=4096`);
    });
    expect(await world.attack(cases)).toEqual([]);
    await world.expectHealthy();
  });

  it('of another layout are not used: the stream carries the connection', async () => {
    await world.serve({ transport: 'shm' });
    const reports = await world.peer.run([
      `0 connect path=${world.path()}`,
      '0 frame shm=1 hash=0x12345678 infoText=accept',
      '0 answer',
      '0 requests count=10 size=100',
      '0 goodbye',
    ]);
    expect(lastOf(reports, 'frame')).toMatchObject({ type: 2, features: 0 });
    expect(lastOf(reports, 'requests')).toMatchObject({ replied: 10, wrong: 0 });
  });

  it('of every size that the page allows are good', async () => {
    await world.serve({ transport: 'shm' });
    for (let ring = 4096; ring <= 16_777_216; ring *= 2) {
      const reports = await world.peer.run([
        `0 connect path=${world.path()}`,
        `0 frame shm=1 ring=${ring} infoText=accept`,
        '0 answer',
        '0 requests count=3 size=1500',
        '0 goodbye',
      ]);
      expect(lastOf(reports, 'requests')).toMatchObject({ replied: 3, wrong: 0 });
    }
  });
});
