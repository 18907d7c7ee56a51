import { setTimeout as sleep } from 'node:timers/promises';

import { FEATURE, isPortError, type StatusCode } from '@portcall/wire';
import type { IncomingLink, Link } from '@portcall/transport';

import type { HandoverName } from './owned-name.js';

/** What an owner needs to give its name away. */
export interface NameHandoverParts {
  readonly name: HandoverName;
  /** Whether it does that at all. */
  readonly enabled: boolean;
  /** What a new server is told when it may take the name. */
  readonly acceptPayload: Uint8Array;
  /** Sends a new server away. */
  readonly refuse: (incoming: IncomingLink, status: StatusCode) => void;
  /** How long a new server may take. */
  readonly timeoutMs: number;
  /** Another server has the name, and nobody new comes any more. Once. */
  readonly onReplaced: () => void;
}

/** Pause before the lock, which a new server may hold for a moment, is tried again. */
const RETRY_MS = 5;

/**
 * The old owner's side of a handover. Source: `docs/PROTOCOL.md` 2.3.
 *
 * While a new server has been told to go ahead the name is nobody's for sure; whoever holds the
 * lock decides. The end of the link makes the owner look: another socket in its place means that
 * it is replaced; its own, under the lock, that it goes on as before.
 */
export class NameHandover {
  readonly #parts: NameHandoverParts;
  #deciding: Promise<void> | undefined;
  #link: Link | undefined;
  #replaced = false;

  constructor(parts: NameHandoverParts) {
    this.#parts = parts;
  }

  /** A new server asks for the name: a connect request with `FEATURE.HANDOVER`. */
  receive(incoming: IncomingLink, isAdmin: boolean): void {
    const { name, enabled, acceptPayload, refuse } = this.#parts;
    if (!isAdmin) return refuse(incoming, 'ACCESS_DENIED');
    if (!enabled) return refuse(incoming, 'CONNECTION_REFUSED');
    if (this.#replaced || this.#deciding !== undefined) return refuse(incoming, 'SERVER_BUSY');
    name.releaseLock(); // Before the answer: the new server wants it as soon as it has read that.
    let ended: Promise<void> = Promise.resolve();
    try {
      this.#link = incoming.accept(acceptPayload, FEATURE.HANDOVER);
      ended = this.#endOf(this.#link);
    } catch (error) {
      if (!isPortError(error)) throw error; // It has gone: nothing was handed over.
      if (error.code === 'QUOTA_EXCEEDED') refuse(incoming, 'SERVER_BUSY');
    } finally {
      this.#deciding = ended
        .then(() => this.#decide())
        .finally(() => {
          this.#deciding = undefined;
          this.#link = undefined;
        });
    }
  }

  /**
   * Ends a handover that is under way: afterwards the name is ours for sure, or is not.
   *
   * @returns `undefined` when none is: a name is then taken away in the same turn
   */
  settle(): Promise<void> | undefined {
    this.#link?.close();
    return this.#deciding;
  }

  #endOf(link: Link): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => link.close(), this.#parts.timeoutMs);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      // Whatever it says means that it is through: its CLOSE, by rights.
      const onRecord = (): void => link.close();
      const limits = { recordBytesMax: link.recordBytesMax };
      link.start({ onRecord, onWritable: () => undefined, onEnd: end }, limits);
    });
  }

  async #decide(): Promise<void> {
    const { name, timeoutMs, onReplaced } = this.#parts;
    const giveUpAt = performance.now() + timeoutMs;
    for (;;) {
      // A new server renames under the lock only: with the lock in hand the answer cannot change.
      const locked = name.tryRetakeLock();
      if (name.isReplaced()) {
        this.#replaced = true;
        await name.giveUp();
        onReplaced();
        return;
      }
      // Without the lock for so long: we serve on, and whoever has it must still ask our socket.
      if (locked || performance.now() > giveUpAt) return;
      await sleep(RETRY_MS);
    }
  }
}
