/* Threat: a client with a large heap dies, and the kernel is busy with its pages for long. */
import { describe, expect, it } from 'vitest';

import { emptyTortureReport } from '../torture-report.js';
import { runNodeCycles } from './node-cycles.js';

const isLinux = process.platform === 'linux';
const title = isLinux ? '' : ' (skipped: counts are read from /proc)';

describe.skipIf(!isLinux)(`Node clients killed${title}`, () => {
  // Sixty: `npm run torture -- --node-cycles 60`.
  it('are told as deaths by the size of their heap, and leave nothing', async () => {
    const report = emptyTortureReport();
    await runNodeCycles(report, { cycles: 3, seed: 5, heapMib: 150 });
    expect(report.failures).toEqual([]);
    expect(report.outcomes.get('Node clients killed, light')).toBe(2);
    expect(report.times.get("from kill to the server's closed, 150 MiB heap")).toHaveLength(1);
  });
});
