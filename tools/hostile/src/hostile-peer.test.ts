/* The peer against itself: it is what the implementation is measured with. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { HostilePeer, type PeerReport } from './hostile-peer.js';

let folder: string;
let client: HostilePeer;
let server: HostilePeer;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pc-'));
  client = new HostilePeer();
  server = new HostilePeer();
});

afterEach(async () => {
  await client.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Runs both sides of one connection. */
async function meet(
  serverLines: readonly string[],
  clientLines: readonly string[],
): Promise<{ up: PeerReport[]; down: PeerReport[] }> {
  const path = join(folder, 'p');
  await server.run([`0 listen path=${path}`]);
  const serving = server.run(['1 accept from=0', ...serverLines]);
  const up = await client.run([`0 connect path=${path}`, ...clientLines]);
  return { up, down: await serving };
}

const last = (reports: readonly PeerReport[], operation: string): PeerReport | undefined =>
  reports.findLast((report) => report.operation === operation);

describe.skipIf(process.platform !== 'linux').each([
  ['stream', 0],
  ['shared memory', 1],
])('the peer and itself over %s', (_, shm) => {
  it.each([10, 3000, 40_000])('exchange requests of %i bytes', async (size) => {
    const { up, down } = await meet(
      ['1 answer', `1 frame type=2 shm=${shm} ring=8192`, '1 serve', '1 end'],
      [
        `0 frame shm=${shm} infoText=hello`,
        '0 answer',
        `0 requests count=300 window=16 size=${size}`,
        '0 ping',
        '0 goodbye',
      ],
    );
    expect(last(up, 'requests')).toMatchObject({ replied: 300, wrong: 0 });
    expect(last(up, 'ping')).toMatchObject({ alive: true });
    expect(last(down, 'serve')).toMatchObject({ requests: 300, closed: true });
    expect([...up, ...down].filter(({ violation, error }) => violation ?? error)).toEqual([]);
  });

  it('notice what the other does wrong', async () => {
    const { down } = await meet(
      ['1 answer', `1 frame type=2 shm=${shm}`, '1 serve'],
      [`0 frame shm=${shm}`, '0 answer', '0 message type=request seq=7', '0 end ms=100'],
    );
    expect(last(down, 'serve')?.violation).toBe('sequence has a gap');
  });

  it('spend credit as it is given', async () => {
    const limits = 'a04=10 a03=4000';
    const { up } = await meet(
      ['1 answer', `1 frame type=2 shm=${shm}`, '1 serve'],
      [
        `0 frame shm=${shm} ${limits}`,
        '0 answer',
        '0 requests count=200 window=64 size=700',
        '0 goodbye',
      ],
    );
    expect(last(up, 'requests')).toMatchObject({ replied: 200, wrong: 0 });
  });
});
