/** How much success is wanted, and what follows when there is too little. */
export interface SuccessTerms {
  /** Where the balance begins. */
  readonly first: number;
  /** Where it begins again after a pause. */
  readonly again: number;
  /** Most successes that are remembered. */
  readonly max: number;
  /** Successes that a failure costs. */
  readonly failure: number;
  /** Occasions that pass untried when the balance is used up; twice as many each further time. */
  readonly pauseFirst: number;
  readonly pauseLast: number;
}

/**
 * Decides whether to try what pays only when it succeeds often enough: each success is put on a
 * balance, each failure costs several, and when nothing is left it pauses.
 */
export class SuccessBalance {
  readonly #terms: SuccessTerms;
  #balance: number;
  /** Occasions that are still to pass. */
  #pause = 0;
  #nextPause: number;

  constructor(terms: SuccessTerms) {
    this.#terms = terms;
    this.#balance = terms.first;
    this.#nextPause = terms.pauseFirst;
  }

  /** An occasion to try. @returns false when this one is to pass */
  mayTry(): boolean {
    if (this.#pause === 0) return true;
    this.#pause--;
    return false;
  }

  /** It was tried with success. */
  onSuccess(): void {
    const { max, pauseFirst } = this.#terms;
    if (this.#balance < max && ++this.#balance === max) this.#nextPause = pauseFirst;
  }

  /** It was tried in vain. */
  onFailure(): void {
    const { again, failure, pauseLast } = this.#terms;
    this.#balance -= failure;
    if (this.#balance > 0) return;
    this.#balance = again;
    this.#pause = this.#nextPause;
    this.#nextPause = Math.min(this.#nextPause * 2, pauseLast);
  }
}
