import type { Ground } from './hostile-world.js';

/**
 * Where a connection is, after docs/PROTOCOL.md 2.1 and 3 to 5.
 *
 * `PART`: of a CONNECT_REQUEST the last four bytes are missing. `PIECE`: of a stream's record
 * header one to three bytes are there, and they can be no record of this page with what follows.
 * `EITHER`: the page does not say.
 */
export type State = 'NEW' | 'PART' | 'ASKED' | 'OPEN' | 'PIECE' | 'END' | 'EITHER';

/** Something that a client sends, or does. */
export interface Stimulus {
  readonly name: string;
  /** The peer's lines for it; `wish` is what the connect info of a request asks the server for. */
  readonly lines: (shm: 0 | 1, wish: string) => readonly string[];
  /** What it is in each state, on each carrier. Nothing means END. */
  readonly inNew?: State;
  readonly inOpenStream?: State;
  readonly inOpenShm?: State;
  /** It is a single byte. */
  readonly isByte?: boolean;
  /** It is a record of its carrier. */
  readonly isMessage?: boolean;
  /** The server answers it before the next one is sent, when steps wait for each other. */
  readonly isAnswered?: boolean;
}

/**
 * In NEW, fewer than the 24 bytes of a frame's header that are the beginning of none. The page says
 * END; a server that waits for the header first ends the connection when its time is over.
 */
const STRAY: State = 'EITHER';

const bytes = (name: string, line: string): Stimulus => ({
  name,
  lines: () => [line],
  inNew: STRAY,
});

/** A frame; in OPEN its first bytes are neither a record nor a token. */
function frame(name: string, words: string, more: Partial<Stimulus> = {}): Stimulus {
  const lines: Stimulus['lines'] = (shm, wish) => [
    `frame shm=${shm} ring=4096 infoText=${wish} ${words}`,
  ];
  return { name, lines, ...more };
}

/** A message, good in itself; over shared memory in the ring. */
function message(type: string, words: string, state: State = 'OPEN'): Stimulus {
  const line = `message type=${type} ${words}`;
  return {
    name: type,
    lines: () => [line],
    isMessage: true,
    inOpenStream: state,
    inOpenShm: state,
  };
}

/** Everything that is sent in any state. A token's id of 7 makes it no record on a stream. */
export const STIMULI: readonly Stimulus[] = [
  frame('request', '', { inNew: 'ASKED', isAnswered: true }),
  frame('request of unknown type', 'type=9'),
  frame('request with bad magic', 'magic=0xdeadbeef'),
  frame('request with byte 7', 'zero=1'),
  frame('request of versions 3 to 9', 'vmin=3 vmax=9'),
  frame('request of 65 537 bytes', 'length=65537'),
  frame('request without its last 4 bytes', 'cut=4', { inNew: 'PART' }),
  frame('accept', 'type=2'),
  frame('reject', 'type=3'),
  message('request', 'dataText=hello'),
  message('reply', 'id=77 dataText=hello'),
  message('datagram', 'dataText=hello'),
  message('cancel', 'id=77'),
  message('close', '', 'END'),
  message('credit', 'data=0000000000000000'),
  message('range', 'cb=99 data=010000000000000000000000000000000800000000000000'),
  message('ping', ''),
  message('pong', 'id=77', 'EITHER'),
  { ...bytes('doorbell', 'bell'), isByte: true, inOpenStream: 'PIECE', inOpenShm: 'OPEN' },
  { ...bytes('section', 'token kind=section size=100 fds=section'), inOpenShm: 'OPEN' },
  bytes('section without descriptor', 'token kind=section id=7 size=100'),
  bytes('handles', 'token kind=handles id=7 count=1 fds=pipe'),
  bytes('credentials', 'token kind=credentials id=7'),
  { ...bytes('garbage byte', 'send data=ff'), isByte: true, inOpenStream: 'PIECE' },
  { name: 'end of stream', lines: () => ['shutdown'] },
];

/** The table of docs/PROTOCOL.md 2.1, and what 3 to 5 say of OPEN. */
export function nextState(state: State, stimulus: Stimulus, ground: Ground): State {
  switch (state) {
    case 'NEW':
      return stimulus.inNew ?? 'END';
    case 'PART':
    case 'PIECE': {
      // Single bytes fill up; whatever is longer is too long: a byte in ASKED, or no record. A
      // message in the ring is one byte on the stream, its doorbell.
      const isByte = stimulus.isByte || (stimulus.isMessage && ground.shm === 1);
      return isByte ? state : 'END';
    }
    case 'OPEN':
      return (ground.shm === 1 ? stimulus.inOpenShm : stimulus.inOpenStream) ?? 'END';
    case 'EITHER':
      return stimulus.name === 'end of stream' ? 'END' : 'EITHER';
    case 'ASKED': // Any byte, and the end of the stream.
    case 'END':
      return 'END';
  }
}

/** Every sequence of one to `lengthMax` stimuli. */
export function sequencesOf(
  stimuli: readonly Stimulus[],
  lengthMax: number,
): readonly (readonly Stimulus[])[] {
  let longest: (readonly Stimulus[])[] = [[]];
  const all: (readonly Stimulus[])[] = [];
  for (let length = 1; length <= lengthMax; length++) {
    longest = longest.flatMap((head) => stimuli.map((next) => [...head, next]));
    all.push(...longest);
  }
  return all;
}
