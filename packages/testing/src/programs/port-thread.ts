/* A worker thread with a port of its own, or a connection of its own, until it is told to end. */
import { parentPort, workerData } from 'node:worker_threads';

import { connectPort, createPort } from '@portcall/port';

/** What the thread is to do, as its `workerData`. */
export interface ThreadTask {
  readonly role: 'server' | 'client' | 'sync-client' | 'blocked-client';
  readonly name: string;
  readonly directory: string;
  readonly transport: 'shm' | 'socket';
  /** For a client: how many requests, each answered before the next. */
  readonly requests: number;
}

const { role, requests, name, ...endpoint } = workerData as ThreadTask;

if (role === 'server') {
  const server = await createPort(name, {
    ...endpoint,
    onMessage: (message) => void message.reply(message.data),
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage('ready');
  parentPort?.once('message', () => void server.close({ drainMs: 0 }));
} else {
  const client = await connectPort(name, endpoint);
  if (role === 'blocked-client') {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    parentPort?.postMessage('blocked');
    client.requestSync(new Uint8Array(1));
  }
  let right = 0;
  for (let number = 0; number < requests; number++) {
    const data = new Uint8Array(number * 100);
    const reply = role === 'client' ? await client.request(data) : client.requestSync(data);
    if (reply.length === number * 100) right++;
  }
  await client.close();
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(right);
}
