/*
 * Usage: traced-server DIRECTORY LOG. Serves one client until that one closes, then ends the port;
 * between the tracer's marks.
 */
import { createPort, type CommunicationPort } from '@portcall/port';

import { TARGET_NAME } from '../target-name.js';
import { loggingHandler } from './execution-log.js';
import { mark } from './mark.js';
import { warmUp } from './warm-up.js';

const ALONE_MS = 20_000; // Nobody came, or did not go: the campaign finds the exit code.

const [directory = '', log = ''] = process.argv.slice(2);
const onMessage = loggingHandler(log);
const alone = setTimeout(() => process.exit(3), ALONE_MS);
await warmUp(directory);
mark();
let resolve: (port: CommunicationPort) => void = () => undefined;
const connected = new Promise<CommunicationPort>((settle) => (resolve = settle));
const server = await createPort(TARGET_NAME, {
  directory,
  onMessage,
  onConnected: (port) => resolve(port),
});
const client = await connected;
await client.closed;
await server.close();
mark();
clearTimeout(alone);
