import { describe, expect, it } from 'vitest';

import { ADDON_FILE } from '../test/support/addon.js';
import { runNode } from '../test/support/node-process.js';
import { loadNative } from './load.js';
import { errnoName, systemError } from './system-error.js';

function withChosen(value: string | undefined, action: () => void): void {
  const before = process.env['PORTCALL_NATIVE'];
  const set = (to: string | undefined): void => {
    if (to === undefined) delete process.env['PORTCALL_NATIVE'];
    else process.env['PORTCALL_NATIVE'] = to;
  };
  set(value);
  try {
    action();
  } finally {
    set(before);
  }
}

describe('loadNative()', () => {
  it('gives a reason where the addon was not built', () => {
    // Beside this source there is none.
    withChosen(undefined, () => {
      expect(loadNative()).toEqual({ reason: expect.stringMatching(/^no addon for linux-/) });
    });
  });

  it('gives a reason when it is switched off', () => {
    withChosen('off', () => {
      expect(loadNative()).toEqual({ reason: 'switched off by PORTCALL_NATIVE=off' });
    });
  });

  it('loads the build that is named', () => {
    withChosen(ADDON_FILE, () => expect(loadNative().binding).toHaveProperty('memfdCreate'));
    withChosen('/no/such.node', () => {
      expect(loadNative()).toEqual({ reason: expect.stringContaining('/no/such.node') });
    });
  });

  it('gives the same binding each time', async () => {
    const { output } = await runNode('console.log(loadNative().binding === binding)');
    expect(output.trim()).toBe('true');
    expect(ADDON_FILE).toMatch(/\.node$/);
  });
});

describe('systemError()', () => {
  it('keeps name, number and system call', () => {
    expect(systemError('mmap', -12)).toMatchObject({
      code: 'ENOMEM',
      errno: 12,
      syscall: 'mmap',
      message: 'mmap: ENOMEM',
    });
  });
});

describe('errnoName()', () => {
  it('gives the number for an errno that nobody named', () => {
    expect(errnoName(-11)).toBe('EAGAIN');
    expect(errnoName(-9999)).toMatch(/9999/);
  });
});
