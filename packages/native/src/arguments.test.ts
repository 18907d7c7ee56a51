import { describe, expect, it } from 'vitest';

import { nativeBinding } from '../test/support/addon.js';

const native = nativeBinding();
type Call = (...args: unknown[]) => unknown;
const bytes = new Uint8Array(64);

/**
 * For each function: good arguments, none of which does anything (descriptor 99999 is not open).
 */
const GOOD: Readonly<Record<string, readonly unknown[]>> = {
  memfdCreate: ['', -1],
  addSeals: [99999, 0],
  inspect: [99999, new Float64Array(5)],
  readAt: [99999, bytes, 0, 1, 0],
  writeAt: [99999, bytes, 0, 1, 0],
  close: [99999],
  disown: [99999],
  map: [99999, 4096, 0],
  revoke: [undefined],
  allocate: [undefined],
  listen: ['', 0, 0],
  accept: [99999],
  adopt: [99999],
  connect: ['/nowhere/at/all', 0],
  passCredentials: [99999, 1],
  sendWith: [99999, bytes, 0, 1, new Int32Array(0), 0],
  receiveWith: [99999, bytes, new Int32Array(2), new Float64Array(3)],
  wait: [99999, 1, -1, 0],
  peerGroups: [99999, new Uint32Array(4)],
  pidfdOpen: [-1],
  send: [99999, bytes, 0, 1, -1],
  receive: [99999, bytes, new Int32Array(2)],
  ringDoorbell: [99999],
  shutdown: [99999],
  peerCredentials: [99999, new Float64Array(3)],
  peerPidfd: [99999],
  processImage: [99999999, bytes],
  processStat: [99999999, bytes],
  processEnded: [-1],
  watchOpen: [99999, () => undefined],
  watchStart: [undefined, 0],
  watchRef: [undefined, 0],
  watchClose: [undefined],
  prepareOpen: [() => false, () => undefined],
  prepareStart: [undefined, 0],
  lockFile: ['/nowhere/at/all'],
};

/** Everything an argument can be by mistake. */
const WRONG = [
  undefined,
  null,
  'text',
  true,
  1n,
  Symbol('x'),
  {},
  [],
  () => 1,
  new DataView(bytes.buffer),
];

function isWrong(good: unknown, candidate: unknown): boolean {
  if (typeof good === typeof candidate && typeof good !== 'object') return false;
  return good !== undefined;
}

describe('every function of the addon', () => {
  it('is covered by this table', () => {
    const names = Object.keys(native).filter((name) => name !== 'layout');
    expect(names.toSorted()).toEqual(Object.keys(GOOD).toSorted());
  });

  it.each(Object.entries(GOOD))(
    '%s throws TypeError for an argument of a wrong type',
    (name, good) => {
      const call = (native as unknown as Record<string, Call>)[name]!;
      for (let index = 0; index < good.length; index++) {
        for (const candidate of WRONG) {
          if (!isWrong(good[index], candidate)) continue;
          const args = good.map((value, at) => (at === index ? candidate : value));
          expect(() => call(...args), `argument ${index}: ${String(candidate)}`).toThrow(TypeError);
        }
      }
    },
  );

  it.each(Object.entries(GOOD))('%s throws TypeError for too few arguments', (name, good) => {
    const call = (native as unknown as Record<string, Call>)[name]!;
    expect(() => call(...good.slice(0, -1))).toThrow(TypeError);
    expect(() => call()).toThrow(TypeError);
  });
});

describe('a number of bytes', () => {
  it.each([-1, Number.NaN, Infinity, 2 ** 60])('throws TypeError for %d', (value) => {
    expect(() => native.memfdCreate('x', value)).toThrow(TypeError);
    expect(() => native.readAt(99999, bytes, value, 0, 0)).toThrow(TypeError);
  });
});

describe('a descriptor', () => {
  // Threat: Number(undefined) and the like. As descriptor 0 it would close the standard input.
  it.each([Number.NaN, Infinity, 2 ** 32, 1.5])('throws TypeError for %d', (value) => {
    expect(() => native.inspect(value, new Float64Array(5))).toThrow(TypeError);
  });
});

describe('a text', () => {
  it.each(['a\0b', 'x'.repeat(5000)])(
    'throws TypeError when it has a NUL or is too long',
    (text) => {
      expect(() => native.lockFile(text)).toThrow(TypeError);
      expect(() => native.connect(text, 0)).toThrow(TypeError);
      expect(() => native.memfdCreate(text, 0)).toThrow(TypeError);
    },
  );

  it('may begin with NUL where it is an address, and have no other', () => {
    expect(native.connect('\0portcall/nowhere', 0)).toBeLessThan(0);
    for (const wrong of ['\0', '\0a\0b', '\0\0a']) {
      expect(() => native.connect(wrong, 0)).toThrow(TypeError);
    }
  });

  it('may be as long as a socket path can be', () => {
    expect(native.connect(`/${'x'.repeat(106)}`, 0)).toBeLessThan(0);
    expect(() => native.connect(`/${'x'.repeat(107)}`, 0)).toThrow(TypeError);
  });
});
