/** Puts frames on a socket. */
export interface FrameSender {
  /** Sends a frame. `body` may not be changed until the peer has answered. */
  send(id: number, body: Uint8Array): void;
}

/** The part of a socket that senders use. */
export interface FrameSink {
  write(bytes: Uint8Array): boolean;
  cork(): void;
  uncork(): void;
}

/** Makes the sender of a connection. */
export type CreateFrameSender = (sink: FrameSink) => FrameSender;
