import type { FuzzTarget } from './fuzz-target.js';
import { portTargets } from './targets/port-targets.js';
import { rpcTargets } from './targets/rpc-targets.js';
import { shmTargets } from './targets/shm-targets.js';
import { transportTargets } from './targets/transport-targets.js';

/** Every decoder of bytes of a peer that is written in TypeScript. */
export async function fuzzTargets(): Promise<FuzzTarget[]> {
  const groups = await Promise.all([portTargets(), transportTargets(), shmTargets(), rpcTargets()]);
  return groups.flat();
}
