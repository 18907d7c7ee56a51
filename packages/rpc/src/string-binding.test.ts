import { isPortError } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseStringBinding } from './string-binding.js';

function codeOf(text: string): string {
  try {
    parseStringBinding(text);
  } catch (error) {
    return isPortError(error) ? error.code : `not a PortError: ${String(error)}`;
  }
  return 'nothing thrown';
}

describe('parseStringBinding()', () => {
  it.each([
    ['ncalrpc:[jobs]', 'jobs'],
    ['ncalrpc:[team/jobs]', 'team/jobs'],
    ['ncalrpc:[session:jobs]', 'session:jobs'],
    ['jobs', 'jobs'],
    ['team/jobs.v2', 'team/jobs.v2'],
    ['session:jobs', 'session:jobs'],
    ['ncalrpc', 'ncalrpc'],
    ['ncalrpc:[]', ''],
  ])('%s is the endpoint "%s"', (text, endpoint) => {
    expect(parseStringBinding(text)).toEqual({ protocol: 'ncalrpc', endpoint });
  });

  it.each([
    ['ncacn_ip_tcp:host[135]', 'PROTSEQ_NOT_SUPPORTED'],
    ['ncacn_np:[pipe]', 'PROTSEQ_NOT_SUPPORTED'],
    ['NCALRPC:[jobs]', 'PROTSEQ_NOT_SUPPORTED'],
    ['http://host', 'PROTSEQ_NOT_SUPPORTED'],
    ['ncalrpc:', 'INVALID_BINDING'],
    ['ncalrpc:jobs', 'INVALID_BINDING'],
    ['ncalrpc:[jobs', 'INVALID_BINDING'],
    ['ncalrpc:jobs]', 'INVALID_BINDING'],
    ['ncalrpc:[', 'INVALID_BINDING'],
    ['ncalrpc:]', 'INVALID_BINDING'],
    ['ncalrpc:host[jobs]', 'INVALID_BINDING'],
    ['ncalrpc:[jobs] ', 'INVALID_BINDING'],
  ])('%s: throws %s', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it('throws nothing but its two codes for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `ncalrpc:${text}`),
        ),
        (text) => {
          expect(['nothing thrown', 'INVALID_BINDING', 'PROTSEQ_NOT_SUPPORTED']).toContain(
            codeOf(text),
          );
        },
      ),
    );
  });
});
