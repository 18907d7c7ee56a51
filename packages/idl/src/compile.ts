import { createFileRegistry, type FileRegistry } from '@bufbuild/protobuf';
import type { FileDescriptorProto, FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { buildDescriptors, selectSet } from './convert/build-descriptors.js';
import { Findings } from './diagnostics/findings.js';
import { IdlError } from './diagnostics/idl-error.js';
import { modelServices } from './emit/model-services.js';
import type { ServiceModel } from './emit/service-model.js';
import { expandGlobs } from './load/expand-globs.js';
import { loadFiles } from './load/load-files.js';
import { compareReaders } from './second-reader/compare-readers.js';

/** Which `.proto` files, and where their imports are searched. */
export interface CompileOptions {
  /** Paths or patterns with `*`, relative to `cwd`. At least one. */
  readonly files: readonly string[];
  /** Folders that imports start from; default: `cwd`. Shipped files are always found, last. */
  readonly protoPaths?: readonly string[] | undefined;
  /** Default: the working directory of the process. */
  readonly cwd?: string | undefined;
}

/** What was understood of the files; made only when there is no error. */
export interface Compiled {
  /** Import names of the requested files. */
  readonly requested: readonly string[];
  /** Every loaded file by import name, imports first; `descriptor.proto` is always among them. */
  readonly descriptors: ReadonlyMap<string, FileDescriptorProto>;
  /** The requested files and their imports. */
  readonly set: FileDescriptorSet;
  /** The same as `set`, for reflection. */
  readonly registry: FileRegistry;
  /** Services of each requested file. */
  readonly services: ReadonlyMap<string, readonly ServiceModel[]>;
}

/** Reads, checks and converts `.proto` files. Throws {@link IdlError} with all findings. */
export function compile(options: CompileOptions): Compiled {
  const cwd = options.cwd ?? process.cwd();
  const findings = new Findings();
  const files = expandGlobs(options.files, cwd);
  const protoPaths = options.protoPaths?.length ? options.protoPaths : [cwd];
  const loaded = loadFiles({ files, protoPaths, cwd }, findings);
  throwIfAny(findings);
  const descriptors = buildDescriptors(loaded, findings);
  throwIfAny(findings);
  for (const file of loaded.byName.values()) compareReaders(file, findings);
  throwIfAny(findings);
  const set = selectSet(descriptors, loaded.requested);
  const registry = createFileRegistry(set);
  const services = new Map<string, readonly ServiceModel[]>();
  for (const name of loaded.requested) {
    const parsed = loaded.byName.get(name);
    if (parsed !== undefined) services.set(name, modelServices(parsed, registry, findings));
  }
  throwIfAny(findings);
  return { requested: loaded.requested, descriptors, set, registry, services };
}

function throwIfAny(findings: Findings): void {
  if (findings.count > 0) throw new IdlError(findings.sorted());
}
