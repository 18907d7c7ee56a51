/**
 * Counts the sockets that are in the handshake, by user, so that one user cannot take every
 * place.
 */
export class PendingConnects {
  readonly #limit: number;
  readonly #byUid = new Map<number | undefined, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Takes a place.
   *
   * @param uid the user, `undefined` when nobody knows
   * @returns what gives it back (safe to call twice), or `undefined` when the user has them all
   */
  tryEnter(uid: number | undefined): (() => void) | undefined {
    const count = this.#byUid.get(uid) ?? 0;
    if (count >= this.#limit) return undefined;
    this.#byUid.set(uid, count + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const now = (this.#byUid.get(uid) ?? 1) - 1;
      if (now === 0) this.#byUid.delete(uid);
      else this.#byUid.set(uid, now);
    };
  }
}
