import type { Mutation } from './side.js';

const SLEEP_HEAD =
  'if ((this.#epoch & 1) === 1) return;\n    this.#epoch = (this.#epoch + 1) >>> 0;\n    ';

/** Bugs that the explorer must find. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'sleep epoch by a plain store',
    file: 'wake-words',
    from: `${SLEEP_HEAD}Atomics`,
    to: `${SLEEP_HEAD}Plain`,
  },
  {
    name: 'tail by a plain store',
    file: 'ring-producer',
    from: 'Atomics.store(this.#words, OUT_TAIL',
    to: 'Plain.store(this.#words, OUT_TAIL',
  },
  {
    name: 'no second look after the sleep epoch',
    file: 'shm-link',
    from: 'later one rings.\n    if (this.#consumer.hasRecords())',
    to: 'later one rings.\n    if (false)',
  },
  {
    name: 'tail published before the header',
    file: 'ring-producer',
    from: 'const start = this.offset - RECORD_HEADER_BYTES;',
    to:
      'const start = this.offset - RECORD_HEADER_BYTES;\n    ' +
      'Atomics.store(this.#words, OUT_TAIL, ' +
      'this.#claimTail + alignRecord(RECORD_HEADER_BYTES + lengthBytes));',
  },
];
