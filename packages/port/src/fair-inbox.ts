import type { MessageQueue } from './inbox.js';
import type { PortMessage } from './port-end.js';

/** Messages, or bytes, of one connection before it is another one's turn. Source: `port.md` 19. */
const QUANTUM_MESSAGES = 32;
const QUANTUM_BYTES = 64 * 1024;

/** The messages of one connection that wait. */
export interface FairSource {
  /** Takes the next one; `undefined` when there is none. */
  shift(): PortMessage | undefined;
  /** Bytes of data of the next one; `undefined` when there is none. */
  peekBytes(): number | undefined;
}

interface Turn {
  readonly source: FairSource;
  messages: number;
  bytes: number;
}

/**
 * Messages of many connections, in the order of a deficit round-robin: what one connection sends
 * keeps the others waiting for no longer than its quantum. Within a connection the order is kept.
 */
export class FairInbox implements MessageQueue {
  /** Connections with messages; the first one has its turn. */
  readonly #turns: Turn[] = [];
  readonly #active = new Set<FairSource>();

  /** A connection has messages. */
  offer(source: FairSource): void {
    if (this.#active.has(source)) return;
    this.#active.add(source);
    this.#turns.push({ source, messages: 0, bytes: 0 });
  }

  shift(): PortMessage | undefined {
    for (;;) {
      const [turn] = this.#turns;
      if (turn === undefined) return undefined;
      const bytes = turn.source.peekBytes();
      if (bytes === undefined) {
        this.#turns.shift();
        this.#active.delete(turn.source);
        continue;
      }
      if (turn.messages === 0) {
        turn.bytes += QUANTUM_BYTES;
        // It still owes for a long message.
        if (turn.bytes <= 0) {
          this.#nextTurn(turn);
          continue;
        }
        turn.messages = QUANTUM_MESSAGES;
      }
      turn.messages--;
      turn.bytes -= bytes;
      const message = turn.source.shift();
      // Longer than its quantum: the rest is owed in its next turns.
      if (turn.messages === 0 || turn.bytes <= 0) this.#nextTurn(turn);
      return message;
    }
  }

  /** Nobody will take what waits: what came with it is given back. */
  discard(): void {
    for (let message = this.shift(); message; message = this.shift()) message.release();
  }

  #nextTurn(turn: Turn): void {
    turn.messages = 0;
    turn.bytes = Math.min(turn.bytes, 0);
    this.#turns.shift();
    this.#turns.push(turn);
  }
}
