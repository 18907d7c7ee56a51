/* Whatever umask a program was started with, its files have the modes they must have. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  createTemporaryRuntime,
  spawnProgram,
  transportsUnderTest,
  type NameNodeCommands,
  type Program,
  type TemporaryRuntime,
} from '@portcall/testing';

const kinds = transportsUnderTest().filter(({ hasFiles, skipReason }) => {
  return hasFiles && skipReason === undefined;
});
const isRoot = process.geteuid?.() === 0;
const LONG_NAME = `${'x'.repeat(64)}/${'y'.repeat(64)}`;

let runtime: TemporaryRuntime;
let program: Program<NameNodeCommands>;

beforeEach(async () => {
  runtime = createTemporaryRuntime();
  program = await spawnProgram<NameNodeCommands>('name-node');
});

afterEach(async () => {
  await program.call('closePorts');
  await program.close();
  runtime.discard();
});

/** Modes of what is in a directory, by the end of its name. */
function modesIn(directory: string): Record<string, string> {
  const entries = readdirSync(directory).map((leaf) => {
    const kind = /\.(?:lock|name)$/.exec(leaf)?.[0] ?? 'socket';
    return [kind, (lstatSync(join(directory, leaf)).mode & 0o7777).toString(8)] as const;
  });
  return Object.fromEntries(entries);
}

const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

describe.each(kinds)('over $name', ({ name: transport }) => {
  if (transport === 'memory') return;

  it.each([0o000, 0o022, 0o077, 0o277])('umask %o opens nothing of a session', async (umask) => {
    await program.call('umask', umask);
    const directory = join(runtime.directory, 'deep/er');
    await program.call('createPort', { name: LONG_NAME, directory, transport });
    expect(modeOf(join(runtime.directory, 'deep'))).toBe('700');
    expect(modeOf(directory)).toBe('700');
    const modes = modesIn(directory);
    expect(modes).toMatchObject({ socket: '600' });
    // The umask may narrow what nobody else reads anyway; it widens nothing.
    expect(Number.parseInt(modes['.lock']!, 8) & ~0o600).toBe(0);
    expect(Number.parseInt(modes['.name']!, 8) & ~0o600).toBe(0);
  });

  it.skipIf(!isRoot).each([0o000, 0o077])(
    'umask %o leaves a system port as open as its list (needs root)',
    async (umask) => {
      await program.call('umask', umask);
      const directory = join(runtime.directory, 'system');
      // What a mode says holds only below directories that others may search.
      const open = { name: `system:${LONG_NAME}`, directory, transport };
      await program.call('createPort', { ...open, acl: [{ action: 'allow' }] });
      expect(modeOf(directory)).toBe('755');
      expect(modesIn(directory)).toMatchObject({ socket: '666', '.name': '644' });
      await program.call('closePorts');
      expect(readdirSync(directory)).toEqual([]);
    },
  );
});
