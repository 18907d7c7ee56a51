import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import { parsePortName, portPaths, writeNameSidecar } from './port-name.js';

describe('parsePortName()', () => {
  it.each([
    ['jobs', 'jobs'],
    ['Jobs', 'Jobs'],
    ['a/b/c/d', 'a/b/c/d'],
    ['session:a/b', 'a/b'],
    ['_x', '_x'],
    ['9.lives', '9.lives'],
    ['a-b_c.d', 'a-b_c.d'],
    ['x'.repeat(64), 'x'.repeat(64)],
  ])('takes %s', (text, path) => {
    expect(parsePortName(text)).toEqual({ text, path });
  });

  it.each([
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    'a/b/c/d/e',
    '.hidden',
    '..',
    'a/..',
    'a/../b',
    '-x',
    'a b',
    'a\0',
    'a\n',
    'ä',
    'a!b',
    'a#b',
    'a\\b',
    'x'.repeat(65),
    'global:a',
    'session:',
    ':a',
    'session:a:b',
    'SESSION:a',
  ])('throws PORT_NAME_INVALID for %j', (text) => {
    expect(codeOf(() => parsePortName(text))).toBe('PORT_NAME_INVALID');
  });

  it('throws nothing else for any text, and its message stays short', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 600, size: 'max' });
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          parsePortName(text);
        } catch (error) {
          expect((error as { code?: string }).code).toBe('PORT_NAME_INVALID');
          expect((error as Error).message.length).toBeLessThan(600);
        }
      }),
    );
  });
});

describe('portPaths()', () => {
  const paths = (text: string, directory = '/run/pc'): { socket: string; lock: string } =>
    portPaths(directory, parsePortName(text));

  it('makes one file name of all segments', () => {
    expect(paths('a/b.c/d').socket).toBe('/run/pc/a!b.c!d');
  });

  it('makes a hashed name when the plain one is too long, the same each time', () => {
    const long = `${'x'.repeat(60)}/${'y'.repeat(60)}`;
    expect(paths(long).socket).toMatch(/^\/run\/pc\/#[0-9a-f]{24}$/);
    expect(paths(`session:${long}`)).toEqual(paths(long));
    expect(paths(`${long}z`).socket).not.toBe(paths(long).socket);
  });

  it('keeps every path short enough for a socket, or says that the directory is too long', () => {
    for (let length = 1; length < 120; length++) {
      const directory = `/${'d'.repeat(length)}`;
      for (const name of ['a', 'x'.repeat(64), 'a/b/c/d']) {
        let socket = '';
        const code = codeOf(() => (socket = paths(name, directory).socket));
        expect(code).toBe(socket === '' ? 'PORT_NAME_INVALID' : 'nothing thrown');
        expect(socket.length).toBeLessThanOrEqual(107);
        if (length < 70) expect(socket).not.toBe('');
      }
    }
  });

  it('throws PORT_NAME_INVALID when the directory leaves no room', () => {
    expect(codeOf(() => paths('a', `/${'d'.repeat(107)}`))).toBe('PORT_NAME_INVALID');
  });

  it('gives no two ports a file in common', () => {
    // Threat: whoever creates "a.lock" must not replace the lock of the port "a".
    const names = [
      'a',
      'a.lock',
      'a.lock.lock',
      'a/lock',
      'a.name',
      'a/b',
      'a.b',
      'a-b',
      'a/lock.lock',
    ];
    const files = names.flatMap((name) => Object.values(paths(name)));
    expect(files.filter((file, index) => files.indexOf(file) !== index)).toEqual([]);
  });
});

describe('writeNameSidecar()', () => {
  it('says beside a hashed name which port it is', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pc-name-'));
    const long = parsePortName('x'.repeat(64) + '/' + 'y'.repeat(64));
    const sidecar = writeNameSidecar(portPaths(folder, long), long);
    expect(readFileSync(sidecar!, 'utf8')).toBe(`${long.path}\n`);
    expect(statSync(sidecar!).mode & 0o777).toBe(0o600);
    const short = parsePortName('short');
    expect(writeNameSidecar(portPaths(folder, short), short)).toBeUndefined();
    expect(existsSync(join(folder, 'short.name'))).toBe(false);
    rmSync(folder, { recursive: true });
  });
});
