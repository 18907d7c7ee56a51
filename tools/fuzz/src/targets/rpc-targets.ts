import { MessageReader, isPortError, isRpcError } from '@portcall/rpc';
import { Everything } from '@portcall/testing';

import { Violation, textOf, type FuzzTarget } from '../fuzz-target.js';
import { loadInternal, type ErrorReplyModule, type MetadataModule } from '../internal-modules.js';
import { seedsOf } from '../seeds.js';

/** Messages, metadata and errors: what `@portcall/rpc` reads of a peer. */
export async function rpcTargets(): Promise<FuzzTarget[]> {
  const metadata = await loadInternal<MetadataModule>('@portcall/rpc', 'metadata');
  const errors = await loadInternal<ErrorReplyModule>('@portcall/rpc', 'error-reply');
  const reader = new MessageReader();
  return [
    {
      name: 'message-reader',
      codes: [],
      // Whatever a decoder throws becomes INVALID_ARGUMENT, or INTERNAL at the client.
      mayThrowPlain: true,
      seeds: () => seedsOf('message-reader'),
      decode: (input) => decodeEverything(reader, input),
    },
    {
      name: 'metadata',
      codes: ['INVALID_MESSAGE'],
      seeds: () => seedsOf('metadata'),
      decode: (input) => {
        const { header, trailer } = metadata.decodeMetadata(input);
        return textOf([[...header], [...trailer]]);
      },
    },
    {
      name: 'error-reply',
      codes: [],
      seeds: () => seedsOf('error-reply'),
      decode: (input) => decodeError(errors, input),
    },
  ];
}

function decodeEverything(reader: MessageReader, input: Uint8Array): string {
  const bytes = new Uint8Array(input.buffer);
  const view = new DataView(input.buffer);
  const { byteOffset: offset, length: lengthBytes } = input;
  reader.begin({ bytes, view, offset, lengthBytes, isPrivate: false }, 0);
  const text = textOf(Everything.decode(reader));
  if (reader.pos > reader.len) throw new Violation('reads behind the end of its message');
  return text;
}

function decodeError({ decodeErrorReply }: ErrorReplyModule, input: Uint8Array): string {
  const error = decodeErrorReply(input, { method: 'a.B/C', idempotent: false });
  if (isRpcError(error)) return textOf([error.code, error.message, error.details]);
  if (isPortError(error) && error.code === 'PROTOCOL_ERROR') return 'threw PROTOCOL_ERROR';
  throw new Violation(`gives ${error.stack}`);
}
