import { resolve } from 'node:path';
import { clone, create, toBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { type Compiled, compile, type CompileOptions } from './compile.js';
import { emitServices } from './emit/emit-services.js';
import { outputPath } from './emit/ts-names.js';
import { lowerForTsProto } from './messages/lower-for-ts-proto.js';
import { planFiles } from './messages/plan-files.js';
import { renameTypes } from './messages/rename-types.js';
import { runTsProto } from './messages/run-ts-proto.js';
import { type OutputFile, writeIfChanged } from './output-file.js';

/** Name of the file with the descriptors, in the output folder. */
export const DESCRIPTORS_FILE = 'descriptors.bin';

/** What to generate, and where to. */
export interface GenerateOptions extends CompileOptions {
  /** Folder for the output, relative to `cwd`; made if it is missing. */
  readonly outDir: string;
  /** Called as the work goes on, for a progress line. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** What was done. Paths are relative to the output folder, sorted. */
export interface GenerateResult {
  /** All files that belong to the output. */
  readonly files: readonly string[];
  /** Those of them that were written, because they were missing or different. */
  readonly written: readonly string[];
}

/**
 * Generates TypeScript from `.proto` files: messages (`x.ts`), services (`x.portcall.ts`) and the
 * descriptors (`descriptors.bin`). Same input, same bytes. Errors: `IdlError` with every finding if
 * the input is wrong; then nothing is written.
 *
 * @example
 * await generate({ files: ['greeter.proto'], outDir: 'src/gen' });
 */
export async function generate(options: GenerateOptions): Promise<GenerateResult> {
  const progress = options.onProgress ?? (() => {});
  progress('reading files');
  const compiled = compile(options);
  progress(`generating code for ${compiled.requested.length} files`);
  const files = await generateFiles(compiled);
  const folder = resolve(options.cwd ?? process.cwd(), options.outDir);
  const written = files.filter((file) => writeIfChanged(folder, file));
  return { files: pathsOf(files), written: pathsOf(written) };
}

function pathsOf(files: readonly OutputFile[]): string[] {
  return files.map(({ path }) => path);
}

/** All output files for what was compiled, sorted by path. Writes nothing. */
export async function generateFiles(compiled: Compiled): Promise<OutputFile[]> {
  const fileNames = planFiles(compiled.descriptors, compiled.requested);
  const lowered = compiled.set.file.map((file) => lowerForTsProto(file, compiled.registry));
  const messages = await runTsProto({ files: renameTypes(lowered), fileNames });
  const services: OutputFile[] = [];
  for (const [name, models] of compiled.services) {
    if (models.length === 0) continue;
    services.push({ path: outputPath(name, '.portcall.ts'), content: emitServices(name, models) });
  }
  const content = toBinary(FileDescriptorSetSchema, withoutSourceInfo(compiled.set));
  const all = [...messages, ...services, { path: DESCRIPTORS_FILE, content }];
  return all.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Comments and positions are of no use at run time, and would change the file with every edit. */
function withoutSourceInfo(set: FileDescriptorSet): FileDescriptorSet {
  const file = set.file.map((original) => {
    const copy = clone(FileDescriptorProtoSchema, original);
    delete copy.sourceCodeInfo;
    return copy;
  });
  return create(FileDescriptorSetSchema, { file });
}
