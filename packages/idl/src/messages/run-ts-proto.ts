import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import type { OutputFile } from '../output-file.js';
import { spareEmptyBytes } from './spare-empty-bytes.js';

/** Options of ts-proto. The run time relies on them: see the README. */
const TS_PROTO_OPTIONS = [
  'outputServices=generic-definitions',
  'env=both',
  'forceLong=bigint',
  'oneof=unions-value',
  'enumsAsLiterals=true',
  'useMapType=true',
  'importSuffix=.js',
  'esModuleInterop=true',
  'useExactTypes=false',
  'outputPartialMethods=true',
  'outputJsonMethods=true',
  // We choose the files ourselves, so that descriptor.proto does not come along with every option.
  'emitImportedFiles=false',
  // There is no protoc, and its version is all that this would add.
  'annotateFilesWithVersion=false',
].join(',');

/** What to generate messages for. */
export interface MessageRequest {
  /** Descriptors of the files and of all their imports, imports first. */
  readonly files: readonly FileDescriptorProto[];
  /** Import names of the files that code is wanted for. */
  readonly fileNames: readonly string[];
}

/**
 * Files that one process generates. Fixed, and not made from the number of processors, because what
 * ts-proto names an import can depend on the other files of its run: same input, same output.
 */
const FILES_PER_RUN = 25;

/** Processes at the same time; more gain little, since each reads all descriptors. */
const RUNS_MAX = 4;

/**
 * Runs ts-proto as a plugin of a protobuf compiler, in processes of its own: a
 * `CodeGeneratorRequest` on the input, a `CodeGeneratorResponse` on the output. Throws if the
 * plugin fails.
 */
export async function runTsProto(request: MessageRequest): Promise<OutputFile[]> {
  const parts: (readonly string[])[] = [];
  for (let start = 0; start < request.fileNames.length; start += FILES_PER_RUN) {
    parts.push(request.fileNames.slice(start, start + FILES_PER_RUN));
  }
  const results: OutputFile[][] = [];
  const todo = parts.entries();
  const runners = Array.from({ length: Math.min(RUNS_MAX, availableParallelism()) }, async () => {
    // All runners share the iterator, so each takes the next part that nobody has.
    for (const [index, fileNames] of todo) {
      results[index] = await runOnce({ files: request.files, fileNames });
    }
  });
  await Promise.all(runners);
  return results.flat();
}

async function runOnce(request: MessageRequest): Promise<OutputFile[]> {
  const message = create(CodeGeneratorRequestSchema, {
    fileToGenerate: [...request.fileNames],
    parameter: TS_PROTO_OPTIONS,
    protoFile: [...request.files],
  });
  const output = await runPlugin(toBinary(CodeGeneratorRequestSchema, message));
  const response = fromBinary(CodeGeneratorResponseSchema, output);
  if (response.error !== '') {
    throw new Error(`Cannot generate messages: ts-proto says ${response.error}`);
  }
  return response.file.map(({ name, content }) => ({
    path: name,
    content: spareEmptyBytes(content),
  }));
}

async function runPlugin(input: Uint8Array): Promise<Buffer> {
  const plugin = createRequire(import.meta.url).resolve('ts-proto/build/src/plugin.js');
  const child = spawn(process.execPath, [plugin], { stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  // A plugin that dies early breaks the pipe; its exit code and its text say more than EPIPE does.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (exitCode === 0) return Buffer.concat(output);
  const text = Buffer.concat(errors).toString('utf8').trim();
  throw new Error(
    `Cannot generate messages: ts-proto ended with code ${exitCode}, wanted 0: ${text}`,
  );
}
