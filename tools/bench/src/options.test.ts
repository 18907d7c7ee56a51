import { describe, expect, it } from 'vitest';

import { WORKS } from './cases.js';
import { parseOptions } from './options.js';
import { BASELINES } from './subjects/subject-table.js';

describe('parseOptions()', () => {
  it('measures everything by default, in at least five rounds', () => {
    const options = parseOptions([]);
    expect(options?.works).toEqual(WORKS);
    expect(options?.subjects).toContain('portcall-port');
    expect(options?.schedule.rounds).toBeGreaterThanOrEqual(5);
  });

  it('shortens rounds with --quick, but not their number', () => {
    const quick = parseOptions(['--quick']);
    expect(quick?.schedule.roundMs).toBeLessThan(parseOptions([])?.schedule.roundMs ?? 0);
    expect(quick?.schedule.rounds).toBeGreaterThanOrEqual(5);
    expect(quick?.subjects).not.toContain('portcall-port');
    expect(quick?.subjects).toEqual(expect.arrayContaining(['portcall', ...BASELINES]));
  });

  it('takes lists in the order of the tables', () => {
    const options = parseOptions(['--work', 'w2,W1', '--subjects', 'net, portcall', '--rounds=7']);
    expect(options?.works).toEqual(['W1', 'W2']);
    expect(options?.subjects).toEqual(['portcall', 'net']);
    expect(options?.schedule.rounds).toBe(7);
  });

  it('returns undefined for --help', () => {
    expect(parseOptions(['--help'])).toBeUndefined();
  });

  it.each([
    [['--work', 'w10']],
    [['--subjects', 'net,nett']],
    [['--subjects', '']],
    [['--rounds', '0']],
    [['--round-ms', '1.5']],
    [['--rounds', 'x']],
  ])('refuses %j', (args) => {
    expect(() => parseOptions(args)).toThrow(RangeError);
  });

  it('refuses an option that does not exist', () => {
    expect(() => parseOptions(['--fast'])).toThrow(TypeError);
  });
});
