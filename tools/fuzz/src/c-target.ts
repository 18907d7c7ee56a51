import type { FuzzOptions } from './fuzz-options.js';

/** placeholder */
export async function runCTarget(_options: FuzzOptions): Promise<number> {
  return 1;
}
