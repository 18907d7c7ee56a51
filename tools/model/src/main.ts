import { SPIN_CASES } from './spin-cases.js';
import { missingPrograms, runSpin } from './spin.js';

// Runs every model in both directions: the real ones have no error, the planted ones have one.
const missing = missingPrograms();
if (missing.length > 0) {
  console.error(`Cannot check models: ${missing.join(' and ')} missing (Debian: spin, gcc)`);
  process.exit(1);
}
let failed = 0;
for (const spinCase of SPIN_CASES) {
  const { states, error } = runSpin(spinCase);
  const isRight = (error !== undefined) === (spinCase.planted === true);
  if (!isRight) failed++;
  const name = [spinCase.model, ...spinCase.defines].join(' ');
  const wanted = spinCase.planted === true ? 'found' : 'clean';
  const verdict = isRight ? wanted : `WRONG, wanted ${wanted}`;
  console.log(`${name.padEnd(32)} ${String(states).padStart(8)} states  ${verdict}`);
}
console.log(`${SPIN_CASES.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
