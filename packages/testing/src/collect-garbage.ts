import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects garbage now. What waits for it is told in a later turn. */
export function collectGarbage(): void {
  // A context made after the flag was set has the function; this one was made before.
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
