import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

import { FrameDecoder } from './frame-decoder.js';
import { STREAM_FLAG, TAKE_FLAG } from './frame-layout.js';
import type { CreateFrameSender, FrameSender } from './frame-sender.js';

/** Answers of a framed socket's server: from the body of a request to that of its reply. */
export interface FrameHandlers {
  echo(body: Buffer): Uint8Array;
  take(body: Buffer): Uint8Array;
  /** The messages of the stream that is asked for. */
  stream?(body: Buffer): Iterator<Uint8Array>;
}

/** What serves at a socket. Owner: whoever made it; `close()` ends it and its connections. */
export interface FrameServer {
  close(): Promise<void>;
}

/** Listens on a Unix socket. @throws the system's error */
export async function serveFrames(
  path: string,
  createSender: CreateFrameSender,
  handlers: FrameHandlers,
): Promise<FrameServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', (error) => console.error(`Connection failed: ${error.message}`));
    answer(socket, createSender, handlers);
  });
  server.listen(path);
  await once(server, 'listening');
  return { close: () => closeServer(server, sockets) };
}

function answer(socket: Socket, createSender: CreateFrameSender, handlers: FrameHandlers): void {
  const sender = createSender(socket);
  const decoder = new FrameDecoder((id, body) => {
    if ((id & STREAM_FLAG) !== 0 && handlers.stream !== undefined) {
      sendStream(socket, sender, { id, items: handlers.stream(body) });
      return;
    }
    const reply = id >= TAKE_FLAG ? handlers.take(body) : handlers.echo(body);
    sender.send(id, reply);
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      decoder.push(chunk);
    } catch (error) {
      socket.destroy(error as Error);
    }
  });
}

/** Messages of a stream between two looks at the socket's buffer. */
const STREAM_STRIDE = 256;

/** Sends what there is, a part at a time: the next when the socket has room. */
function sendStream(
  socket: Socket,
  sender: FrameSender,
  stream: { readonly id: number; readonly items: Iterator<Uint8Array> },
): void {
  const sendSome = (): void => {
    for (let sent = 0; sent < STREAM_STRIDE; sent++) {
      const { done, value } = stream.items.next();
      if (done === true) return;
      sender.send(stream.id, value as Uint8Array);
    }
    // A batching sender writes at the end of the turn: the socket is asked after that.
    setImmediate(() => {
      if (socket.writableNeedDrain) socket.once('drain', sendSome);
      else sendSome();
    });
  };
  sendSome();
}

async function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
