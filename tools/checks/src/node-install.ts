import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { runCommand } from './command.js';

/** A node that is there, or why it is not. */
export type NodeInstall =
  | { readonly ok: true; readonly nodePath: string; readonly note: string }
  | { readonly ok: false; readonly output: string };

/**
 * Makes sure that the newest node of a line is in the cache below `node_modules`. Once there it is
 * taken as it is; remove the folder to get a newer one.
 */
export async function installNode(root: string, line: number): Promise<NodeInstall> {
  const name = nodePackage(process.arch);
  const folder = join(root, 'node_modules/.cache/node-lines', String(line));
  const nodePath = join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(nodePath)) {
    const { ok, output } = await install(folder, `${name}@${line}`);
    if (!ok || !existsSync(nodePath)) return { ok: false, output };
    return { ok: true, nodePath, note: `node ${line}: installed ${versionOf(folder, name)}` };
  }
  const note = `node ${line}: already there, ${versionOf(folder, name)}, nothing to install`;
  return { ok: true, nodePath, note };
}

/** Gives the npm package that holds node for Linux on this processor. */
export function nodePackage(arch: NodeJS.Architecture): string {
  if (arch === 'x64' || arch === 'arm64') return `node-linux-${arch}`;
  throw new Error(`Cannot install node: processor is ${arch}, want x64 or arm64`);
}

function install(folder: string, name: string): ReturnType<typeof runCommand> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--no-save', '--ignore-scripts', '--prefix', folder, name];
  return runCommand('npm', args, { cwd: folder });
}

function versionOf(folder: string, name: string): string {
  const text = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
