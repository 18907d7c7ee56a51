export { describePortConformance } from './port/conformance.js';
export { describeRpcConformance } from './rpc/conformance.js';
export { transportsUnderTest, type TransportUnderTest } from './transports.js';

export { expectCode, expectThrownCode } from './port/expect-error.js';
export {
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
export type {
  ConnectTally,
  NameClientOptions,
  NameNodeCommands,
  NameServerOptions,
} from './programs/name-node.js';
export {
  Program,
  ProgramError,
  spawnProgram,
  type ProgramExit,
  type SpawnOptions,
} from './spawn-program.js';
export { createTemporaryRuntime, type TemporaryRuntime } from './temporary-runtime.js';
export { DEADLINE_MS, quiet, rejectionOf, waitUntil, within } from './wait-until.js';
export { bytesText, numberOf, numberedBytes, patternBytes, sameBytes, textBytes } from './bytes.js';
export { startVictim, type Victim } from './client-death.js';
export { check, countOutcome, emptyReport, percentile, type DeathReport } from './death-report.js';
export { runReplyAndDie, type DyingMoment } from './reply-and-die.js';
export { SETTLE_MS_MAX, runServerDeath, type DeathOptions } from './server-death.js';
export { kernelCan, type KernelFeature } from './kernel-can.js';
export type { PidReuseCommands, PidReuseReport } from './programs/pid-reuse.js';
export { QUICK_COMMAND, QUICK_HANDLER } from './quick.js';
export { seededRandom } from './seeded-random.js';
export { spawnThread, type PortThread } from './spawn-thread.js';
export type { ThreadTask } from './programs/port-thread.js';
export { ConformanceServer } from './rpc/conformance-server.js';
export { ConformanceService, type ConformanceClient } from './gen/proto/conformance.portcall.js';
export { Everything } from './gen/proto/conformance.js';
export type { RpcNodeCommands, RpcNodeOptions, RpcNodeReport } from './programs/rpc-node.js';
