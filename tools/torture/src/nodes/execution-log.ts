import { openSync, writeSync } from 'node:fs';

import type { PortMessage } from '@portcall/port';

/**
 * A handler that notes the number of each request in a file before it replies: what is in the file
 * was executed, whatever becomes of this process.
 */
export function loggingHandler(path: string): (message: PortMessage) => void {
  const fd = openSync(path, 'a');
  return (message) => {
    const data = message.data.slice();
    writeSync(fd, `${new DataView(data.buffer).getUint32(0, true)}\n`);
    void message.reply(data);
  };
}
