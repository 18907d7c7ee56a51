/*
 * Threat: the other end of a shared memory connection passes descriptors: too many, none, others
 * than announced, of files that are slow, endless or not files at all, and never names them. Each
 * is closed, with the connection at the latest; none is read that could stop this process.
 */
import { describe, expect, it } from 'vitest';

import { transportsUnderTest } from '@portcall/testing';

import { LAX, casesOf, type Attack } from './support/hostile-open.js';
import { useHostileWorld } from './support/hostile-world.js';

/** A section of 100 bytes, and a request that names it. */
const bySection = (fds: string, words = ''): string[] => [
  `token kind=section id=5 size=100 fds=${fds}`,
  `message type=request section=5 dlen=100 ${words}`,
];

const BAD_SECTIONS = [
  'sectionUnsealed',
  'sectionNoGrow',
  'sectionNoShrink',
  'sectionShort',
  'sectionEmpty',
  'directory',
  'path',
  'socket',
  'pipe',
  'null',
  'zero',
  'file',
  'devshm',
  'event',
  'epoll',
  'pidfd',
];

/** As before, of kind 1. */
const sealedSection = (fds: string, words = '') => [
  `token kind=section sealed=1 id=5 size=100 fds=${fds} ${words}`,
  'message type=request section=5 dlen=100',
];

const sections: readonly Attack[] = [
  ['good', bySection('section'), 0],
  ['sealed more than needed', bySection('good'), 0],
  ['sparse', bySection('sectionSparse'), 0],
  ...BAD_SECTIONS.map((kind): Attack => [kind, bySection(kind), 'ends']),
];

/** The page does not say which of these are answered INVALID_MESSAGE, and which end all. */
const disagreements: readonly Attack[] = [
  ['sealed', sealedSection('sealed'), 0],
  ['sealed, says the token, and not against writing', sealedSection('section'), 'ends or lives'],
  ['sealed and sparse', sealedSection('sealedSparse'), 'ends or lives'],
  ['sealed and longer', sealedSection('sealed', 'realSize=101'), 'ends or lives'],
  ['sealed and not a memfd', sealedSection('pipe'), 'ends or lives'],
  ['of an unknown kind', ['token kind=section sealed=2 size=100 fds=section'], 'ends'],
  ['never announced', ['message section=9 dlen=100'], 'ends or lives'],
  ['id 0', ['message section=0 dlen=100'], 'ends or lives'],
  ['more than announced', bySection('section', 'infoLength=101'), 'ends or lives'],
  [
    'less than announced',
    ['token kind=section id=5 size=100 fds=section', 'message section=5 dlen=50'],
    'ends or lives',
  ],
  ['bits in the data-info', bySection('section', 'infoZero=1'), 'ends or lives'],
  ['data behind it', bySection('section', 'dataText=more'), 'ends or lives'],
  ['named twice', [...bySection('section'), 'message section=5 dlen=100'], 'ends or lives'],
  [
    'named in another order',
    [
      'token kind=section id=5 size=100 fds=section',
      'token kind=section id=6 size=100 fds=section',
      'message section=6 dlen=100',
      'message section=5 dlen=100',
    ],
    'ends or lives',
  ],
  ['over maxSectionSize', bySection('section'), 'ends or lives', 'a05=50'],
  ['over maxMessageLength', bySection('section'), 'ends or lives', 'a00=50'],
  [
    'without a message',
    Array.from({ length: 10 }, () => 'token kind=section size=100 fds=section'),
    'lives',
  ],
  ['2⁶³ bytes', ['token kind=section id=5 size=0x8000000000000000 realSize=100 fds=section'], LAX],
  ['a message of mode 1 without data-info', ['message mode=1 dataText=hello'], 'ends or lives'],
];

const tokens: readonly Attack[] = [
  ['a section without descriptor', ['token kind=section size=100'], 'ends'],
  ['a section of two descriptors', ['token kind=section size=100 fds=section*2'], 'ends'],
  ['a section of 253 descriptors', ['token kind=section size=100 fds=section*253'], 'ends'],
  ['a section of id 0', ['token kind=section id=0 size=100 fds=section'], LAX],
  ['a section with reserved bytes', ['token kind=section zero=1 size=100 fds=section'], 'ends'],
  [
    'a section id twice',
    [
      'token kind=section id=5 size=100 fds=section',
      'token kind=section id=5 size=100 fds=section',
    ],
    'ends',
  ],
  [
    '65 sections',
    Array.from({ length: 65 }, () => 'token kind=section size=100 fds=section'),
    'ends',
  ],
  [
    '64 sections',
    Array.from({ length: 64 }, () => 'token kind=section size=100 fds=section'),
    'lives',
  ],
  [
    'half a section, then nothing',
    ['token kind=section size=100 fds=section cut=8'],
    'ends or lives',
  ],
  [
    'half a section, then the end',
    ['token kind=section size=100 fds=section cut=8', 'shutdown'],
    'ends',
  ],
  [
    'half a section, then doorbells',
    ['token kind=section size=100 fds=section cut=8', 'bell times=64'],
    'ends or lives',
  ],
  ['a descriptor in the middle', ['token kind=section size=100 fds=section later=pipe'], 'ends'],
  ['the descriptor too late', ['token kind=section size=100 later=section'], 'ends or lives'],
  ['a descriptor with a doorbell', ['send data=01 fds=pipe'], 'ends'],
  ['253 descriptors with a doorbell', ['send data=01 fds=pipe*253'], 'ends'],
  ...[0, 5, 16, 255].map((token): Attack => [
    `token ${token}`,
    [`send data=${token.toString(16).padStart(2, '0')}00000000000000`],
    'ends',
  ]),
  ...[0, 1, 2, 4, 5, 253].map((count): Attack => [
    `handles ${count} that nobody wants`,
    [`token kind=handles id=1 count=${Math.min(count, 255)} fds=pipe*${count}`],
    'ends',
  ]),
  ['credentials that nobody wants', ['token kind=credentials id=1'], 'ends'],
  ['credentials without credentials', ['token kind=credentials id=1 credentials=0'], 'ends'],
];

const WITH_HANDLES = 'a13=31';

/** To a server that takes files, directories, pipes, memory and sockets. */
const handles: readonly Attack[] = [
  ...[1, 2, 3, 4].map((count): Attack => [
    `${count} that nobody names`,
    [`token kind=handles id=1 count=${count} fds=pipe*${count}`],
    'lives',
    WITH_HANDLES,
  ]),
  ...[
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 2],
    [2, 1],
    [4, 5],
    [5, 5],
    [253, 253],
    [255, 4],
  ].map(([count, there]): Attack => [
    `${count} announced, ${there} passed`,
    [`token kind=handles id=1 count=${count} fds=pipe*${there}`],
    'ends',
    WITH_HANDLES,
  ]),
  [
    'in two parts',
    ['token kind=handles id=1 count=4 fds=pipe*2 later=pipe*2'],
    'ends',
    WITH_HANDLES,
  ],
  [
    'with reserved bytes',
    ['token kind=handles id=1 count=1 zero=1 fds=pipe'],
    'ends',
    WITH_HANDLES,
  ],
  ['of id 0', ['token kind=handles id=0 count=1 fds=pipe'], 'ends', WITH_HANDLES],
  [
    'of an id twice',
    Array.from({ length: 2 }, () => 'token kind=handles id=3 count=1 fds=pipe'),
    'ends',
    WITH_HANDLES,
  ],
  [
    '64 batches',
    Array.from({ length: 64 }, (_, id) => `token kind=handles id=${id + 1} count=4 fds=pipe*4`),
    'lives',
    WITH_HANDLES,
  ],
  [
    '65 batches',
    Array.from({ length: 65 }, (_, id) => `token kind=handles id=${id + 1} count=4 fds=pipe*4`),
    LAX,
    WITH_HANDLES,
  ],
  [
    '129 batches',
    Array.from({ length: 129 }, (_, id) => `token kind=handles id=${id + 1} count=4 fds=pipe*4`),
    'ends',
    WITH_HANDLES,
  ],
  [
    'a kind that no peer may pass',
    [
      'token kind=handles id=1 count=1 fds=epoll',
      'message mask=2 attrs=0100000001000000 dataText=x',
    ],
    'ends or lives',
    WITH_HANDLES,
  ],
  [
    'another count in the message',
    [
      'token kind=handles id=1 count=2 fds=pipe*2',
      'message mask=2 attrs=0100000001000000 dataText=x',
    ],
    'ends or lives',
    WITH_HANDLES,
  ],
];

const reason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;

describe.skipIf(reason !== undefined)(`bad tokens ${reason ?? ''}`, () => {
  const world = useHostileWorld();

  const groups = { sections, disagreements, tokens };

  it.each(Object.entries(groups))('%s', async (_, attacks) => {
    await world.serve({ transport: 'shm' });
    expect(await world.attack(casesOf(world.path(), 1, attacks))).toEqual([]);
    await world.expectHealthy();
  });

  it('handles', async () => {
    await world.serve({
      transport: 'shm',
      wants: ['handle'],
      attributes: { dupObjectTypes: ['file', 'directory', 'pipe', 'memory', 'socket'] },
    });
    expect(await world.attack(casesOf(world.path(), 1, handles))).toEqual([]);
    await world.expectHealthy();
  });
});
