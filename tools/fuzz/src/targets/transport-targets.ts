import { FrameAssembler, checkAnswer, checkRequest, type Frame } from '@portcall/transport';
import { isPortError } from '@portcall/wire';

import { Violation, piecesOf, textOf, type FuzzTarget } from '../fuzz-target.js';
import { loadInternal, type RecordStreamModule } from '../internal-modules.js';
import { seedsOf } from '../seeds.js';

/** Longest record that the stream target takes. */
const RECORD_BYTES_MAX = 4096;

/** Ways in which a stream is cut: a decoder must not see a difference. */
const CUTS = [1, 3, 8, 4096] as const;

/** Handshake frames and records on a stream. */
export async function transportTargets(): Promise<FuzzTarget[]> {
  const records = await loadInternal<RecordStreamModule>('@portcall/transport', 'record-stream');
  return [
    {
      name: 'frame',
      codes: ['PROTOCOL_ERROR'],
      seeds: () => seedsOf('frame'),
      decode: (input) => sameForAllCuts(input, decodeFrame),
    },
    {
      name: 'record-stream',
      codes: ['PROTOCOL_ERROR'],
      seeds: () => seedsOf('record-stream'),
      decode: (input) => {
        return sameForAllCuts(input, (pieces) => decodeRecords(records, pieces));
      },
    },
  ];
}

function sameForAllCuts(
  input: Uint8Array,
  decode: (pieces: Iterable<Uint8Array>) => string,
): string {
  const outcomes = CUTS.map((lengthBytes) => {
    try {
      return decode(piecesOf(input, lengthBytes));
    } catch (error) {
      if (isPortError(error) && error.code === 'PROTOCOL_ERROR') return 'threw PROTOCOL_ERROR';
      throw error;
    }
  });
  const other = outcomes.find((outcome) => outcome !== outcomes[0]);
  if (other === undefined) return outcomes[0] ?? '';
  throw new Violation(`depends on how the stream is cut: "${outcomes[0]}", "${other}"`);
}

function decodeFrame(pieces: Iterable<Uint8Array>): string {
  const assembler = new FrameAssembler();
  let frame: Frame | undefined;
  let rest = 0;
  for (const piece of pieces) {
    // Bytes behind the frame are counted only: records follow there.
    if (frame === undefined) frame = assembler.push(piece);
    else rest += piece.length;
  }
  if (frame === undefined) return 'threw nothing: incomplete';
  rest += assembler.takeRest().length;
  return textOf({
    frame,
    rest,
    request: codeOf(frame, 'request'),
    answer: codeOf(frame, 'answer'),
  });
}

function codeOf(frame: Frame, as: 'request' | 'answer'): string {
  try {
    return as === 'request' ? checkRequest(frame, undefined) : checkAnswer(frame, 7, undefined);
  } catch (error) {
    if (isPortError(error) && error.code === 'PROTOCOL_ERROR') return error.message;
    throw error;
  }
}

function decodeRecords({ RecordStream }: RecordStreamModule, pieces: Iterable<Uint8Array>): string {
  const bodies: string[] = [];
  const handler = {
    onRecord(bytes: Uint8Array, _view: DataView, at: number, length: number): void {
      if (length > RECORD_BYTES_MAX)
        throw new Violation(`a record of ${length} bytes came through`);
      if (at + length > bytes.length) throw new Violation('a record reaches out of its piece');
      bodies.push(Buffer.from(bytes.subarray(at, at + length)).toString('hex'));
    },
  };
  const stream = new RecordStream(handler, { recordBytesMax: RECORD_BYTES_MAX });
  try {
    for (const piece of pieces) stream.push(piece);
  } catch (error) {
    // Which records came before is the same, however it was cut.
    if (!isPortError(error) || error.code !== 'PROTOCOL_ERROR') throw error;
    bodies.push('PROTOCOL_ERROR');
  }
  return textOf(bodies);
}
