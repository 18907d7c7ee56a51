/** Places ratios on a logarithmic axis, so that twice as good and half as good are equally far. */
export interface LogScale {
  /** Where a ratio is, in pixels from the axis's left end. */
  position(ratio: number): number;
  /** Ratios to label. */
  readonly ticks: readonly number[];
}

/** Steps of the labels within a power of ten. */
const STEPS = [1, 2, 5];

/** With more labels than this, only powers of ten have one. */
const TICKS_MAX = 12;

/**
 * Makes a scale that shows all of some ratios, and 1.
 *
 * @param ratios greater than 0
 */
export function createLogScale(ratios: readonly number[], widthPx: number): LogScale {
  const low = floorTick(Math.min(1, ...ratios));
  const high = ceilTick(Math.max(1, ...ratios));
  const span = Math.log(high / low) || 1;
  return {
    position: (ratio) => (Math.log(ratio / low) / span) * widthPx,
    ticks: ticksBetween(low, high),
  };
}

function ticksBetween(low: number, high: number): readonly number[] {
  const ticks: number[] = [];
  for (let power = exponentOf(low); power <= exponentOf(high); power++) {
    for (const step of STEPS) {
      const tick = tickOf(step, power);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks.length > TICKS_MAX ? ticks.filter(isPowerOfTen) : ticks;
}

function isPowerOfTen(tick: number): boolean {
  return tick === tickOf(1, exponentOf(tick));
}

function floorTick(value: number): number {
  const power = exponentOf(value);
  const step = STEPS.findLast((candidate) => tickOf(candidate, power) <= value);
  return tickOf(step ?? 1, power);
}

function ceilTick(value: number): number {
  const power = exponentOf(value);
  const step = STEPS.find((candidate) => tickOf(candidate, power) >= value);
  return step === undefined ? tickOf(1, power + 1) : tickOf(step, power);
}

function exponentOf(value: number): number {
  return Math.floor(Math.log10(value));
}

/** By way of text, which rounds as people write: 2 × 10 ** -1 is not always 0.2. */
function tickOf(step: number, power: number): number {
  return Number(`${step}e${power}`);
}
