export { describePortConformance } from './port/conformance.js';
export { transportsUnderTest, type TransportUnderTest } from './transports.js';

export { expectCode, expectThrownCode } from './port/expect-error.js';
export {
  collectGarbage,
  countResources,
  expectResources,
  sameResources,
  type ResourceCounts,
} from './leak-check.js';
export { ownFacts, type ProcessFacts } from './process-facts.js';
export type { PlainError } from './program-commands.js';
export type {
  Behaviour,
  NodeOptions,
  NodeOutcome,
  NodeReport,
  PortNodeCommands,
} from './programs/port-node.js';
export {
  Program,
  ProgramError,
  spawnProgram,
  type ProgramExit,
  type SpawnOptions,
} from './spawn-program.js';
export { createTemporaryRuntime, type TemporaryRuntime } from './temporary-runtime.js';
export { DEADLINE_MS, quiet, rejectionOf, waitUntil, within } from './wait-until.js';
export {
  bytesText,
  numberOf,
  numberedBytes,
  patternBytes,
  sameBytes,
  textBytes,
} from './bytes.js';
