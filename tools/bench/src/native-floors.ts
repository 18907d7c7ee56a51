import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A figure of the machine itself: `p50Us` and `p99Us`, or `gigabytesPerSecond`. */
export type Floors = Readonly<Record<string, Readonly<Record<string, number>>>>;

const SOURCE = fileURLToPath(new URL('../native/floors.c', import.meta.url));

/** How long each of them is measured, in milliseconds. */
const EACH_MS = 300;

/**
 * Compiles and runs `native/floors.c`: what the machine can do without JavaScript or protocol.
 *
 * @returns `undefined` where that is not Linux with a C compiler
 * @throws Error when the program fails
 */
export function measureFloors(): Floors | undefined {
  if (process.platform !== 'linux') return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'portcall-floors-'));
  try {
    const program = join(directory, 'floors');
    const compiler = process.env['CC'] ?? 'cc';
    execFileSync(compiler, ['-O2', '-std=gnu11', SOURCE, '-o', program], { stdio: 'inherit' });
    const text = execFileSync(program, [`${EACH_MS}`], { encoding: 'utf8' });
    return JSON.parse(text) as Floors;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** As lines to print. */
export function formatFloors(floors: Floors): string {
  const lines = Object.entries(floors).map(([name, figures]) => {
    const texts = Object.entries(figures).map(([unit, value]) => `${unit} ${value}`);
    return `  ${name.padEnd(20)} ${texts.join(', ')}`;
  });
  return ['Floors: the machine itself, in C', ...lines].join('\n');
}
