/*
 * Threat: descriptors and credentials come in control messages, and C walks over them. The kernel
 * writes them, so nothing hostile should be there; the walk does not count on that. A short part of
 * `npm run fuzz -- --target c`.
 */
import { describe, expect, it } from 'vitest';

import { runCHarness, whyNoEngine } from './c-target.js';

const reason = whyNoEngine('libfuzzer');

describe("the addon's control messages under libFuzzer", () => {
  it('hold for seeds and changes of them', async (context) => {
    if (reason !== undefined) return context.skip(reason);
    const { ok, output } = await runCHarness({
      engine: 'libfuzzer',
      seconds: 20,
      runs: 100_000,
      seed: 1,
      isPlanted: false,
    });
    expect(output).toContain('number_of_executed_units: 100000');
    expect(ok).toBe(true);
  });

  it('are seen to break with a planted overflow', async (context) => {
    if (reason !== undefined) return context.skip(reason);
    const { ok, output } = await runCHarness({
      engine: 'libfuzzer',
      seconds: 20,
      seed: 1,
      isPlanted: true,
    });
    expect(output).toContain('heap-buffer-overflow');
    expect(ok).toBe(false);
  });
});
