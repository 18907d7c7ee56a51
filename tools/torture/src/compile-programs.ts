/* Compiles the C programs: a step of this package's build. */
import { execFileSync } from 'node:child_process';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

import { PEER_SOURCES } from '@portcall/hostile';

import { CLIENT_PROGRAM, NATIVE_SOURCES, TRACER_PROGRAM } from './programs.js';

const FLAGS = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread', `-I${PEER_SOURCES}`];

function compile(program: string, paths: readonly string[]): void {
  // Renamed into place: a program that runs meanwhile keeps its file.
  const unfinished = `${program}.${process.pid}`;
  execFileSync('cc', [...FLAGS, '-o', unfinished, ...paths], { stdio: 'inherit' });
  renameSync(unfinished, program);
}

/** The C files of a folder, but for one. */
function sourcesOf(folder: string, without: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.c') && name !== without);
  return names.toSorted().map((name) => join(folder, name));
}

if (process.platform === 'linux') {
  const tracer = 'tracer.c';
  // The hostile peer's code, with another program around it.
  const shared = sourcesOf(PEER_SOURCES, 'main.c');
  compile(CLIENT_PROGRAM, [...sourcesOf(NATIVE_SOURCES, tracer), ...shared]);
  compile(TRACER_PROGRAM, [join(NATIVE_SOURCES, tracer)]);
}
