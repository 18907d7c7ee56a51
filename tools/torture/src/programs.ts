import { fileURLToPath } from 'node:url';

/** Folder of the C sources of the processes that are killed, and of what kills them. */
export const NATIVE_SOURCES: string = fileURLToPath(new URL('../peer/', import.meta.url));

/** Path of the compiled clients. */
export const CLIENT_PROGRAM: string = fileURLToPath(
  new URL('../dist/torture-client', import.meta.url),
);

/** Path of the compiled tracer. */
export const TRACER_PROGRAM: string = fileURLToPath(
  new URL('../dist/torture-tracer', import.meta.url),
);

/** Path of a Node program of this package that is killed; `nodes` has them. */
export function nodeProgram(name: string): string {
  return fileURLToPath(new URL(`../dist/nodes/${name}.js`, import.meta.url));
}
