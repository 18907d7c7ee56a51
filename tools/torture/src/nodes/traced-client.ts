/*
 * Usage: traced-client DIRECTORY LOG. Connects to the target, calls it, serves its calls, closes;
 * between the tracer's marks.
 */
import { connectPort } from '@portcall/port';

import { TARGET_NAME } from '../target-name.js';
import { loggingHandler } from './execution-log.js';
import { mark } from './mark.js';
import { warmUp } from './warm-up.js';

const [directory = '', log = ''] = process.argv.slice(2);
const onMessage = loggingHandler(log);
await warmUp(directory);
mark();
const port = await connectPort(TARGET_NAME, { directory, onMessage });
for (const sizeBytes of [8, 200, 40_000]) await port.request(new Uint8Array(sizeBytes));
await port.close();
mark();
