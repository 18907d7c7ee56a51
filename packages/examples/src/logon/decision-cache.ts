import type { SecurityToken } from '@portcall/port';

/** Decisions that are kept for one caller; then all of them go. */
const DECISIONS_MAX = 1024;

interface Kept<T> {
  readonly modifiedId: number;
  readonly decisions: Map<string, T>;
}

/**
 * Decisions by caller and question. They hold as long as the caller's security context does: when
 * its user, group or groups change, its token has another `modifiedId`, and its entry is emptied.
 */
export class DecisionCache<T> {
  readonly #byToken = new Map<number, Kept<T>>();

  /** The decision made before for this question of this caller. */
  find({ tokenId, modifiedId }: SecurityToken, question: string): T | undefined {
    const kept = this.#byToken.get(tokenId);
    return kept?.modifiedId === modifiedId ? kept.decisions.get(question) : undefined;
  }

  /** Keeps a decision. */
  keep({ tokenId, modifiedId }: SecurityToken, question: string, decision: T): void {
    let kept = this.#byToken.get(tokenId);
    if (kept?.modifiedId !== modifiedId || kept.decisions.size >= DECISIONS_MAX) {
      kept = { modifiedId, decisions: new Map() };
      this.#byToken.set(tokenId, kept);
    }
    kept.decisions.set(question, decision);
  }

  /** The caller has gone. */
  forget(tokenId: number): void {
    this.#byToken.delete(tokenId);
  }
}
