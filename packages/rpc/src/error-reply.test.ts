/*
 * Threat: an error reply is the peer's bytes: it must become an RpcError or a PortError, and never
 * be thrown into the process.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { isPortError } from '@portcall/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeErrorReply, encodeErrorReply } from './error-reply.js';
import { RpcError, isRpcError, type ErrorDetail } from './rpc-error.js';
import { Status } from './status.js';

const OPTIONS = { method: 'a.B/C', idempotent: true };

const detail: fc.Arbitrary<ErrorDetail> = fc.record({
  typeUrl: fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.nat(400).map((length) => 'x'.repeat(length)),
  ),
  value: fc.oneof(
    fc.uint8Array({ maxLength: 300, size: 'max' }),
    fc.constantFrom(0, 127, 128, 16_384, 20_000).map((length) => new Uint8Array(length).fill(1)),
  ),
});

/** Quick to compare. */
function textOf({ typeUrl, value }: ErrorDetail): string {
  return `${typeUrl} ${Buffer.from(value).toString('base64')}`;
}

function roundTrip(error: RpcError): RpcError {
  const decoded = decodeErrorReply(encodeErrorReply(error), OPTIONS);
  if (!isRpcError(decoded)) throw decoded;
  return decoded;
}

describe('encodeErrorReply() and decodeErrorReply()', () => {
  it('bring code, text and details over', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(Status)),
        fc.string({ unit: 'grapheme' }),
        fc.array(detail, { maxLength: 5 }),
        (code, text, details) => {
          const decoded = roundTrip(new RpcError(code, text, { details }));
          expect(decoded.code).toBe(code);
          expect(decoded.message).toBe(text);
          expect(decoded.details.map(textOf)).toEqual(details.map(textOf));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('keep the text when the last detail is long and its value empty', () => {
    const details = [{ typeUrl: 'x'.repeat(200), value: new Uint8Array(0) }];
    const decoded = roundTrip(new RpcError(Status.NOT_FOUND, 'kept', { details }));
    expect(decoded.message).toBe('kept');
    expect(decoded.details).toEqual(details);
  });

  it('keep 64 details', () => {
    const details = Array.from({ length: 70 }, () => ({ typeUrl: 't', value: Uint8Array.of(1) }));
    expect(roundTrip(new RpcError(Status.ABORTED, '', { details })).details).toHaveLength(64);
  });

  it('send neither stack nor cause', () => {
    const error = new RpcError(Status.INTERNAL, 'text', { cause: new Error('secret') });
    const bytes = Buffer.from(encodeErrorReply(error)).toString('latin1');
    expect(bytes).not.toContain('secret');
    expect(bytes).not.toContain('error-reply');
  });

  it('say whether the call may be repeated', () => {
    const decoded = roundTrip(new RpcError(Status.INTERNAL, 'text'));
    expect(decoded).toMatchObject({ method: 'a.B/C', retryable: true, executed: 'yes' });
  });

  it('skip fields of a later version', () => {
    const bytes = new BinaryWriter().tag(9, 2).string('new').tag(1, 0).int32(5).finish();
    expect(decodeErrorReply(bytes, OPTIONS)).toMatchObject({ code: 5, message: '' });
  });
});

describe('an error reply of a hostile peer', () => {
  it.each([
    ['a detail that ends outside', new BinaryWriter().tag(3, 2).uint32(1000).finish()],
    [
      'a text that ends outside',
      new BinaryWriter()
        .tag(2, 2)
        .uint32(2 ** 32 - 1)
        .finish(),
    ],
    [
      'a field that ends outside its detail',
      new BinaryWriter().tag(3, 2).uint32(3).tag(2, 2).uint32(9).raw(new Uint8Array(4)).finish(),
    ],
    ['an illegal tag', Uint8Array.of(7)],
    ['nothing but the start of a varint', Uint8Array.of(0x08, 0xff, 0xff)],
    ['groups without end', new Uint8Array(5000).fill(0x23)],
  ])('%s: becomes PROTOCOL_ERROR', (_, bytes) => {
    const decoded = decodeErrorReply(bytes, OPTIONS);
    expect(isPortError(decoded) && decoded.code).toBe('PROTOCOL_ERROR');
    expect(decoded.executed).toBe('yes');
  });

  it('of any bytes is an RpcError or a PortError, never thrown', () => {
    const almost = fc.tuple(detail, fc.nat(2000), fc.nat(255)).map(([one, at, byte]) => {
      const bytes = encodeErrorReply(new RpcError(Status.INTERNAL, 'text', { details: [one] }));
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), almost), (bytes) => {
        const decoded = decodeErrorReply(bytes, OPTIONS);
        expect(isRpcError(decoded) || isPortError(decoded)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
