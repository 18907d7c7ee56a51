/* Compiles the peer: a step of this package's build. */
import { execFileSync } from 'node:child_process';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

import { PEER_PROGRAM, PEER_SOURCES } from './peer-program.js';

/** Warnings are errors: the peer is what everything else is measured with. */
const FLAGS = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread'];

if (process.platform === 'linux') {
  const sources = readdirSync(PEER_SOURCES).filter((name) => name.endsWith('.c'));
  const paths = sources.toSorted().map((name) => join(PEER_SOURCES, name));
  // Renamed into place: a peer that runs meanwhile keeps its file.
  const unfinished = `${PEER_PROGRAM}.${process.pid}`;
  execFileSync('cc', [...FLAGS, '-o', unfinished, ...paths], { stdio: 'inherit' });
  renameSync(unfinished, PEER_PROGRAM);
}
