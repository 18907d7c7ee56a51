import type { EchoRequest, StreamRequest, TakeReply, TakeRequest } from '../gen/proto/echo.js';

/**
 * The calling side of a subject, connected to its server in another process.
 *
 * Owner: whoever connected it; `close()` ends the connection.
 */
export interface Driver {
  readonly name: string;
  /** Sends a request. @returns the reply in the subject's own form, for {@link payloadOf} */
  call(request: EchoRequest): Promise<unknown>;
  /** The payload of what `call` resolved with. */
  payloadOf(reply: unknown): Uint8Array;
  /** Sends a payload of any length up to {@link PAYLOAD_BYTES_MAX}; absent when not supported. */
  take?(request: TakeRequest): Promise<TakeReply>;
  /** As `call`, blocking the thread; absent when there is no such thing. */
  callSync?(request: EchoRequest): unknown;
  /** Has the server send a stream. @returns when all of it was received and checked */
  receive?(request: StreamRequest): Promise<void>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** The serving side of a subject. Owner: whoever made it. */
export interface SubjectServer {
  close(): Promise<void>;
}

/** One of the compared ways to make a call; each half runs in a process of its own. */
export interface Subject {
  /** Starts to listen. Resolves when clients can connect. */
  serve(): Promise<SubjectServer>;
  /** Connects to the server. */
  connect(): Promise<Driver>;
}

/** Longest payload that subjects are set up for. */
export const PAYLOAD_BYTES_MAX = 16 * 1024 * 1024;

/** Longest message: the longest payload, and room for what codecs put around it. */
export const MESSAGE_BYTES_MAX = PAYLOAD_BYTES_MAX + 64 * 1024;
