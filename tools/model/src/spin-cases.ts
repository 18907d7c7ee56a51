/** One run of spin: a model, what is switched on in it, and what must come of it. */
export interface SpinCase {
  readonly model: 'ring' | 'handshake' | 'sections';
  readonly defines: readonly string[];
  /** A planted bug: an error must be found. */
  readonly planted?: true;
}

const planted = (model: SpinCase['model'], ...defines: string[]): SpinCase => ({
  model,
  defines,
  planted: true,
});

/** All runs; LIVENESS checks that it comes to an end at all, with weak fairness. */
export const SPIN_CASES: readonly SpinCase[] = [
  { model: 'ring', defines: [] },
  { model: 'ring', defines: ['N1=0'] },
  { model: 'ring', defines: ['N0=2', 'LOSS'] },
  { model: 'ring', defines: ['N0=2', 'DEATH'] },
  { model: 'ring', defines: ['N0=2', 'CAP=1', 'LIVENESS'] },
  { model: 'ring', defines: ['N1=0', 'LIVENESS'] },
  { model: 'handshake', defines: [] },
  { model: 'handshake', defines: ['LIVENESS'] },
  { model: 'sections', defines: [] },
  { model: 'sections', defines: ['LIVENESS'] },
  planted('ring', 'PLAIN_SLEEP'),
  planted('ring', 'PLAIN_TAIL'),
  planted('ring', 'N1=0', 'PLAIN_SPACE'),
  planted('ring', 'NO_SECOND_LOOK'),
  planted('ring', 'N1=0', 'NO_SPACE_LOOK'),
  planted('ring', 'EARLY_ONLY'),
  planted('ring', 'N0=2', 'LOSS', 'LOST_BELL'),
  planted('ring', 'BELL_SWALLOWED'),
  planted('ring', 'HEAD_FIRST'),
  planted('ring', 'TAIL_FIRST'),
  planted('handshake', 'DOUBLE_CLOSE'),
  planted('handshake', 'LEAK_ON_REJECT'),
  planted('handshake', 'LATE_ACCEPT'),
  planted('handshake', 'EARLY_OPEN'),
  planted('handshake', 'NO_TIMEOUT'),
  planted('sections', 'DOUBLE_CLOSE'),
  planted('sections', 'LEAK_ANNOUNCED'),
  planted('sections', 'EARLY_COUNT'),
  planted('sections', 'LEAK_FREE'),
  planted('sections', 'REFILL'),
];
