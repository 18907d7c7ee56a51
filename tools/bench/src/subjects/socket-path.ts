import { join } from 'node:path';

/** Where a rival's Unix socket is: beside Portcall's own files, in the run's directory. */
export function socketPath(name: string): string {
  const directory = process.env['PORTCALL_RUNTIME_DIR'];
  if (directory === undefined || directory === '') {
    throw new Error('Cannot place socket: PORTCALL_RUNTIME_DIR is not set');
  }
  return join(directory, `${name}.sock`);
}
