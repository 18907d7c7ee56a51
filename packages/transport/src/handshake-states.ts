import { FRAME_TYPE, type FrameType } from '@portcall/wire';

/** Where a side of a connection stands until messages travel. */
export type HandshakeStateName = 'NEW' | 'ASKED' | 'WAITING' | 'OPEN' | 'END';

/** What may move a side from one state to the next. */
export type HandshakeEvent =
  /** Server: a whole, well-formed CONNECT_REQUEST; versions meet. */
  | 'request'
  /** Server: a CONNECT_REQUEST whose versions do not meet ours. */
  | 'otherVersions'
  /** Server: it has no place for this client, or stops listening. */
  | 'busy'
  /** Server: the program accepts. */
  | 'accept'
  /** Server: the program rejects. */
  | 'reject'
  /** Client: the program asks. */
  | 'ask'
  /** Client: a whole, well-formed ACCEPT. */
  | 'accepted'
  /** Client: a whole, well-formed REJECT. */
  | 'rejected'
  /** Both: any other byte, the end of the stream, or the end of the time. */
  | 'broken';

/** A row of the table: where it leads, and the frame that has to be sent. */
export interface HandshakeStep {
  readonly next: HandshakeStateName;
  readonly sends?: FrameType;
}

type SideTable = Readonly<
  Partial<Record<HandshakeStateName, Readonly<Partial<Record<HandshakeEvent, HandshakeStep>>>>>
>;

/**
 * The states of a handshake. Whatever is not listed ends the connection, and nothing is sent.
 *
 * Source: docs/PROTOCOL.md 2.1.
 */
export const HANDSHAKE_STATES = {
  server: {
    NEW: {
      request: { next: 'ASKED' },
      otherVersions: { next: 'END', sends: FRAME_TYPE.REJECT },
      busy: { next: 'END', sends: FRAME_TYPE.REJECT },
    },
    ASKED: {
      accept: { next: 'OPEN', sends: FRAME_TYPE.ACCEPT },
      reject: { next: 'END', sends: FRAME_TYPE.REJECT },
      busy: { next: 'END', sends: FRAME_TYPE.REJECT },
    },
  },
  client: {
    NEW: {
      ask: { next: 'WAITING', sends: FRAME_TYPE.CONNECT_REQUEST },
      rejected: { next: 'END' },
    },
    WAITING: {
      accepted: { next: 'OPEN' },
      rejected: { next: 'END' },
    },
  },
} as const satisfies Readonly<Record<'server' | 'client', SideTable>>;

const ILLEGAL: HandshakeStep = { next: 'END' };

/** One side of one connection, in its handshake. */
export class HandshakeState {
  readonly #table: SideTable;
  #name: HandshakeStateName = 'NEW';

  constructor(side: keyof typeof HANDSHAKE_STATES) {
    this.#table = HANDSHAKE_STATES[side];
  }

  /** Where it stands. */
  get name(): HandshakeStateName {
    return this.#name;
  }

  /** Whether the table lists the event here. */
  allows(event: HandshakeEvent): boolean {
    return this.#table[this.#name]?.[event] !== undefined;
  }

  /** Takes the step that the table states, or ends. */
  step(event: HandshakeEvent): HandshakeStep {
    const step = this.#table[this.#name]?.[event] ?? ILLEGAL;
    this.#name = step.next;
    return step;
  }
}
