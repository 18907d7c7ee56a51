import { describe, expect, it } from 'vitest';

import type { TransportUnderTest } from '../transports.js';
import { expectCode } from './expect-error.js';
import { echo } from './messages.js';
import { usePortWorld } from './port-world.js';

/** Long enough for a busy server to be asked again, short enough to wait for. */
const BUSY_MS = 60;

/** How many get in. */
export function describeAdmission(subject: TransportUnderTest): void {
  describe('port 3, attributes: places', () => {
    const world = usePortWorld(subject);

    it('are limited by maxConnections, and free again after close', async () => {
      await world.createPort({ attributes: { maxConnections: 2 }, onMessage: echo });
      const first = await world.connect();
      const second = await world.connect();
      const error = await expectCode(
        world.connect({ attributes: { handshakeTimeoutMs: BUSY_MS } }),
        'SERVER_BUSY',
      );
      expect(error.retryAfterMs).toBeGreaterThan(0);
      expect(error.executed).toBe('no');
      await second.request(new Uint8Array(1)); // Those inside do not notice.
      await first.close();
      await world.connect();
    });

    it('are limited by maxConnectionsPerUid', async () => {
      await world.createPort({ attributes: { maxConnectionsPerUid: 1 } });
      await world.connect();
      await expectCode(
        world.connect({ attributes: { handshakeTimeoutMs: BUSY_MS } }),
        'SERVER_BUSY',
      );
    });

    it('can be waited for: a busy server is asked again', async () => {
      await world.createPort({ attributes: { maxConnections: 1 } });
      const first = await world.connect();
      const second = world.connect();
      await first.close();
      await second;
    });

    it('stay free when the server refuses', async () => {
      let refuses = true;
      await world.createPort({
        attributes: { maxConnections: 1 },
        onConnect: (request) => {
          if (refuses) request.reject();
          else request.accept();
        },
      });
      for (let count = 0; count < 3; count++) {
        await expectCode(world.connect(), 'CONNECTION_REFUSED');
      }
      refuses = false;
      await world.connect();
    });

    it('are not waited for by a caller that gives up', async () => {
      await world.createPort({ attributes: { maxConnections: 1 } });
      await world.connect();
      const aborter = new AbortController();
      const canceled = expectCode(world.connect({ signal: aborter.signal }), 'CANCELED');
      setImmediate(() => aborter.abort());
      await canceled;
    });
  });
}
