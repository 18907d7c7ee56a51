import { PortError } from '@portcall/port';

/** A message of this example: one line of JSON, then any bytes. */
export interface Frame {
  readonly head: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

const LINE_END = 0x0a;

/** Puts a message together. JSON has no line ends of its own. */
export function encodeFrame(head: object, body: Uint8Array = new Uint8Array(0)): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]);
}

/** Takes a message of a peer apart. @throws PortError INVALID_MESSAGE */
export function decodeFrame(data: Uint8Array): Frame {
  const end = data.indexOf(LINE_END);
  if (end < 0) throw invalid('it has no line end');
  let head: unknown;
  try {
    head = JSON.parse(Buffer.from(data.subarray(0, end)).toString());
  } catch {
    throw invalid('its first line is no JSON');
  }
  if (!isRecord(head)) throw invalid('its first line is no object');
  return { head, body: data.subarray(end + 1) };
}

/**
 * Takes the reply of a server apart. It is believed: `requireServer` has made sure whose it is.
 *
 * @throws PortError INVALID_MESSAGE
 */
export function decodeReply<T>(data: Uint8Array): T {
  return decodeFrame(data).head as T;
}

/** A field that is text. @throws PortError INVALID_MESSAGE */
export function textOf(head: Frame['head'], name: string): string {
  const value = head[name];
  if (typeof value === 'string' && value.length <= 1024) return value;
  throw invalid(`its ${name} is no text of at most 1 024 characters`);
}

/** A field that is a whole number from 0. @throws PortError INVALID_MESSAGE */
export function numberOf(head: Frame['head'], name: string): number {
  const value = head[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`its ${name} is no whole number from 0`);
}

/** A field that is a list of objects. @throws PortError INVALID_MESSAGE */
export function listOf(head: Frame['head'], name: string): Frame['head'][] {
  const value = head[name];
  if (Array.isArray(value) && value.every(isRecord)) return value;
  throw invalid(`its ${name} is no list of objects`);
}

/** The error for a message that cannot be read. */
export function invalid(why: string): PortError {
  return new PortError('INVALID_MESSAGE', `Cannot read message: ${why}`, { executed: 'no' });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
