import { describe, expect, it } from 'vitest';

import { PortError, isPortError } from './port-error.js';
import { STATUS, type StatusCode } from './status.js';

type Module = typeof import('./port-error.js');

/** Another copy of the module, as a second installation of the package would have. */
async function otherCopy(): Promise<Module> {
  const path = './port-error.ts?copy=2';
  return (await import(/* @vite-ignore */ path)) as Module;
}

describe('PortError', () => {
  it('carries code, text, details and cause', () => {
    const cause = new Error('below');
    const error = new PortError('SERVER_BUSY', 'Cannot call: busy', {
      retryAfterMs: 5,
      sent: true,
      info: Uint8Array.of(1),
      portName: 'jobs',
      method: 'a.B/C',
      cause,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'PortError',
      code: 'SERVER_BUSY',
      message: 'Cannot call: busy',
      retryAfterMs: 5,
      sent: true,
      info: Uint8Array.of(1),
      portName: 'jobs',
      method: 'a.B/C',
      executed: 'no',
      cause,
    });
    expect(error.stack).toContain('port-error.test');
  });

  it('has no cause when it was given none', () => {
    expect('cause' in new PortError('TIMEOUT', 'x')).toBe(false);
  });

  it.each(Object.keys(STATUS) as StatusCode[])('%s says whether the handler ran', (code) => {
    expect(new PortError(code, 'x').executed).toBe(STATUS[code].executed);
    expect(new PortError(code, 'x', { executed: 'yes' }).executed).toBe('yes');
  });

  it.each([
    ['no', false, true],
    ['no', true, true],
    ['maybe', false, false],
    ['maybe', true, true],
    ['yes', false, false],
    ['yes', true, true],
  ] as const)('executed %s, idempotent %s: retryable %s', (executed, idempotent, retryable) => {
    expect(new PortError('TIMEOUT', 'x', { executed, idempotent }).retryable).toBe(retryable);
  });
});

describe('isPortError()', () => {
  it('tells PortErrors from everything else', () => {
    expect(isPortError(new PortError('TIMEOUT', 'x'))).toBe(true);
    for (const other of [new Error('x'), { code: 'TIMEOUT' }, null, undefined, 'TIMEOUT', 5]) {
      expect(isPortError(other)).toBe(false);
    }
  });

  it('recognises an error of another copy of the package, both ways', async () => {
    const other = await otherCopy();
    expect(other.PortError).not.toBe(PortError);
    const theirs = new other.PortError('TIMEOUT', 'x');
    expect(theirs instanceof PortError).toBe(false);
    expect(isPortError(theirs)).toBe(true);
    expect(other.isPortError(new PortError('TIMEOUT', 'x'))).toBe(true);
  });

  it('recognises a subclass', () => {
    class Special extends PortError {}
    expect(isPortError(new Special('TIMEOUT', 'x'))).toBe(true);
  });

  it('shows its brand to nobody who lists its fields', () => {
    const error = new PortError('TIMEOUT', 'x');
    const listed = Object.getOwnPropertySymbols(error).filter((symbol) =>
      Object.prototype.propertyIsEnumerable.call(error, symbol),
    );
    expect(listed).toEqual([]);
  });
});
