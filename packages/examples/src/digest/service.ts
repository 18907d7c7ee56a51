// The service: run by main.ts as a process of its own. Usage: node service.js <port name>
import { createHash } from 'node:crypto';

import { RpcError, Status, serve } from '@portcall/rpc';

import { FileDigestService } from '../gen/digest.portcall.js';
import { DIGEST_ATTRIBUTES } from './limits.js';

const portName = process.argv[2] ?? 'digest';

// #region service
const server = await serve(
  portName,
  [
    FileDigestService.implement({
      async digest(request, call) {
        const { caller } = call;
        if (caller === undefined) {
          throw new RpcError(Status.UNAUTHENTICATED, 'The kernel did not say who is calling');
        }
        return {
          sha256: createHash('sha256').update(request.content).digest('hex'),
          size: BigInt(request.content.length),
          caller: { pid: caller.pid, uid: caller.uid, exe: caller.exe ?? '' },
        };
      },
    }),
  ],
  { attributes: DIGEST_ATTRIBUTES },
);
// #endregion

process.send?.('ready');
// The parent is gone, or wants us to be: either way nobody needs the service any more.
process.once('disconnect', () => void server.close());
process.once('SIGTERM', () => void server.close());
