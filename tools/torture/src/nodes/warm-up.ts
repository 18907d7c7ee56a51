import { connectPort, createPort } from '@portcall/port';

/**
 * Takes a connection of this process to itself through its life, so that everything is loaded and
 * what follows makes the system calls of the protocol, not those of loading modules.
 */
export async function warmUp(directory: string): Promise<void> {
  const server = await createPort('warm', {
    directory,
    onMessage: (message) => void message.reply(message.data),
  });
  const client = await connectPort('warm', { directory });
  for (const sizeBytes of [8, 40_000]) await client.request(new Uint8Array(sizeBytes));
  await client.close();
  await server.close();
}
