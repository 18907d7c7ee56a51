import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { codeOf } from '../test/support/code-of.js';
import {
  abstractAddress,
  parseNewPortName,
  parsePortName,
  portPaths,
  type PortPaths,
} from './port-name.js';

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
    expect(parsePortName(text)).toEqual({ text, namespace: 'session', path });
  });

  it.each(['session', 'system', 'inproc', 'abstract'])('takes names of %s:', (namespace) => {
    const text = `${namespace}:a/b`;
    expect(parsePortName(text)).toEqual({ text, namespace, path: 'a/b' });
  });

  it('takes the full name of an unnamed port', () => {
    const path = '0123456789abcdef'.repeat(2);
    const text = `unnamed:${path}`;
    expect(parsePortName(text)).toEqual({ text, namespace: 'unnamed', path });
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
    'session:../a',
    'session:~0123456789abcdef0123456789abcdef',
    'system:',
    'system:../a',
    'abstract:',
    'abstract:a\0b',
    'inproc:a/',
    'unnamed:',
    'unnamed:a',
    'unnamed:0123456789ABCDEF0123456789ABCDEF',
    'unnamed:0123456789abcdef0123456789abcdef0',
    'unnamed:0123456789abcdef/123456789abcdef',
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

describe('parseNewPortName()', () => {
  it('makes up a name for "unnamed:", another each time', () => {
    const names = Array.from({ length: 50 }, () => parseNewPortName('unnamed:').text);
    expect(new Set(names).size).toBe(50);
    for (const text of names) {
      expect(text).toMatch(/^unnamed:[0-9a-f]{32}$/);
      expect(parsePortName(text).namespace).toBe('unnamed');
    }
  });

  it('makes none that the program thought of', () => {
    const text = `unnamed:${'0'.repeat(32)}`;
    expect(codeOf(() => parseNewPortName(text))).toBe('PORT_NAME_INVALID');
  });

  it('takes every other name as it is', () => {
    expect(parseNewPortName('system:a')).toEqual(parsePortName('system:a'));
    expect(codeOf(() => parseNewPortName('a:b'))).toBe('PORT_NAME_INVALID');
  });
});

describe('abstractAddress()', () => {
  const address = (path: string): string => abstractAddress(parsePortName(`abstract:${path}`));

  it('is the name behind a NUL and "portcall/"', () => {
    expect(address('a/b')).toBe('\0portcall/a/b');
  });

  it('is never longer than a socket address, and no two are the same', () => {
    const long = ['x', 'y', 'z'].map((end) => `${'a'.repeat(60)}/${'b'.repeat(60)}${end}`);
    const addresses = [...long, 'a'.repeat(64), 'a/b'].map(address);
    for (const text of addresses) expect(text.length).toBeLessThanOrEqual(107);
    expect(new Set(addresses).size).toBe(addresses.length);
  });
});

describe('portPaths()', () => {
  const paths = (text: string, directory = '/run/pc'): PortPaths =>
    portPaths(directory, parsePortName(text));

  it('makes one file name of all segments', () => {
    expect(paths('a/b.c/d').socket).toBe('/run/pc/a!b.c!d');
  });

  it('puts unnamed ports beside the others, where no name can be', () => {
    const digits = 'ab'.repeat(16);
    expect(paths(`unnamed:${digits}`).socket).toBe(`/run/pc/~${digits}`);
  });

  it('tells them apart from others when both are too long', () => {
    const digits = 'ab'.repeat(16);
    const directory = `/${'d'.repeat(80)}`;
    const both = [digits, `unnamed:${digits}`].map((name) => paths(name, directory).socket);
    expect(both.every((path) => path.includes('/#'))).toBe(true);
    expect(both[0]).not.toBe(both[1]);
  });

  it('names a sidecar beside a hashed leaf only', () => {
    expect(paths('a').sidecar).toBeUndefined();
    const long = paths(`${'x'.repeat(64)}/${'y'.repeat(64)}`);
    expect(long.sidecar).toBe(`${long.socket}.name`);
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
    const long = `${'x'.repeat(64)}/${'y'.repeat(64)}`;
    const all = [...names, long].flatMap((name) => Object.values(paths(name)) as unknown[]);
    const files = all.filter((file) => file !== undefined);
    expect(files.filter((file, index) => files.indexOf(file) !== index)).toEqual([]);
  });
});
