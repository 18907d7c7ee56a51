import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Folder of the seeds: a file a target, an input a line, in hexadecimal; `#` begins a comment. */
export const SEED_FOLDER: string = fileURLToPath(new URL('../seeds/', import.meta.url));

/** The seeds of a target, among them the inputs that once broke it. */
export function seedsOf(target: string): Uint8Array[] {
  const lines = readFileSync(`${SEED_FOLDER}${target}.hex`, 'utf8').split('\n');
  const inputs = lines.map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== '');
  return inputs.map((line) => new Uint8Array(Buffer.from(line === '-' ? '' : line, 'hex')));
}
