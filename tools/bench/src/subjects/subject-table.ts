import type { Subject } from './subject.js';

/** What not every subject can do, or need be measured with: the kinds of load, but calls. */
export type Ability = 'transfer' | 'sync' | 'stream' | 'start' | 'crowd' | 'endurance';

/** What the benchmark knows about a subject without loading it. */
export interface SubjectEntry {
  /** One line for readers of the results. */
  readonly about: string;
  /** What it can do beside calls. */
  readonly can: readonly Ability[];
  /** Whether `--quick` measures it unless told otherwise. */
  readonly isQuick: boolean;
  /** Loads its code: a process has only that of the subject it runs. */
  readonly load: () => Promise<Subject>;
}

/** All subjects, in the order in which they are measured and shown. */
export const SUBJECTS = {
  portcall: {
    about: 'Portcall stubs over shared memory',
    can: ['transfer', 'start', 'crowd', 'endurance'],
    isQuick: true,
    load: async () => (await import('./portcall-stub.js')).createPortcallStub('portcall'),
  },
  'portcall-no-spin': {
    about: 'portcall with `spin: false` at both ends',
    can: [],
    isQuick: true,
    load: async () => (await import('./portcall-stub.js')).createPortcallStub('portcall-no-spin'),
  },
  'portcall-socket': {
    about: 'Portcall stubs over the portable socket transport',
    can: [],
    isQuick: true,
    load: async () => (await import('./portcall-stub.js')).createPortcallStub('portcall-socket'),
  },
  'portcall-methods': {
    about: 'portcall, at a service with 10 000 methods',
    can: [],
    isQuick: false,
    load: async () => (await import('./portcall-methods.js')).createPortcallMethods(),
  },
  'portcall-port': {
    about: 'Portcall port requests over shared memory, no codec',
    can: ['sync', 'stream'],
    isQuick: false,
    load: async () => (await import('./portcall-port.js')).createPortcallPort(),
  },
  net: {
    about: 'node:net frames on a Unix socket, no codec, one write per message',
    can: ['transfer', 'sync', 'stream', 'start', 'crowd'],
    isQuick: true,
    load: async () => (await import('./net-bytes.js')).createNetBytes('net'),
  },
  'net-batch': {
    about: 'net, the writes of one turn joined',
    can: ['transfer', 'stream'],
    isQuick: true,
    load: async () => (await import('./net-bytes.js')).createNetBytes('net-batch'),
  },
  'net-proto': {
    about: "net-batch with ts-proto's stock codec",
    can: [],
    isQuick: true,
    load: async () => (await import('./net-proto.js')).createNetProto('net-proto'),
  },
  'net-proto-unbatched': {
    about: "net with ts-proto's stock codec",
    can: [],
    isQuick: false,
    load: async () => (await import('./net-proto.js')).createNetProto('net-proto-unbatched'),
  },
  'grpc-js': {
    about: "@grpc/grpc-js over a Unix socket with ts-proto's stock codec",
    can: ['start', 'stream'],
    isQuick: true,
    load: async () => (await import('./grpc.js')).createGrpc(),
  },
} as const satisfies Record<string, SubjectEntry>;

/** Name of a subject. */
export type SubjectName = keyof typeof SUBJECTS;

/** What the others are compared with; where one is missing, so is its column. */
export const BASELINES = [
  'net',
  'net-batch',
  'net-proto',
  'grpc-js',
  'portcall',
] as const satisfies readonly SubjectName[];

/** One of {@link BASELINES}. */
export type BaselineName = (typeof BASELINES)[number];

/** All names, in order. */
export const SUBJECT_NAMES = Object.keys(SUBJECTS) as SubjectName[];

/** Tells names of subjects from other text. */
export function isSubjectName(text: string): text is SubjectName {
  return Object.hasOwn(SUBJECTS, text);
}
