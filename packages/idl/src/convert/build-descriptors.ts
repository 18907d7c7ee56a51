import { create } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import type { Findings } from '../diagnostics/findings.js';
import type { LoadedFiles } from '../load/load-files.js';
import { interpretOptions } from '../options/interpret-options.js';
import { TypeIndex } from '../options/type-index.js';
import { runRules } from '../rules/run-rules.js';
import { convertFile } from './convert-file.js';
import { defineSymbols } from './define-symbols.js';

/**
 * Converts all loaded files to descriptors, by import name and in the order of loading (imports
 * first). Must not be used further when there are findings.
 */
export function buildDescriptors(
  loaded: LoadedFiles,
  findings: Findings,
): ReadonlyMap<string, FileDescriptorProto> {
  const symbols = defineSymbols(loaded.byName, findings);
  const converted = [...loaded.byName.values()].map((file) => convertFile(file, symbols, findings));
  const types = new TypeIndex(converted.map(({ proto }) => proto));
  for (const { pending } of converted) {
    for (const options of pending) interpretOptions(options, { symbols, types, findings });
  }
  runRules([...loaded.byName.values()], { symbols, types, findings });
  return new Map(converted.map(({ proto }) => [proto.name, proto]));
}

/** The requested files and everything that they import, as one set, imports first. */
export function selectSet(
  files: ReadonlyMap<string, FileDescriptorProto>,
  requested: readonly string[],
): FileDescriptorSet {
  const wanted = new Set<string>();
  const add = (name: string): void => {
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const dependency of files.get(name)?.dependency ?? []) add(dependency);
  };
  for (const name of requested) add(name);
  const file = [...files.values()].filter(({ name }) => wanted.has(name));
  return create(FileDescriptorSetSchema, { file });
}
