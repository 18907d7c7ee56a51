import { describe, expect, it } from 'vitest';

import type { CaseResult } from '../case-result.js';
import { CASES } from '../cases.js';
import type { Figures } from '../children/figures.js';
import type { SubjectName } from '../subjects/subject-table.js';
import { plotData } from './plot-data.js';

function resultOf(caseId: string, rounds: readonly [SubjectName, Figures[]][]): CaseResult {
  const benchCase = CASES.find(({ id }) => id === caseId)!;
  return { benchCase, rounds: new Map(rounds), failures: new Map() };
}

const times = (us: number): Figures => ({ p50Us: us, p99Us: us, p999Us: us });
const rate = (callsPerSecond: number): Figures => ({ callsPerSecond });

describe('plotData()', () => {
  it('turns times around, so that more is better', () => {
    const rounds: [SubjectName, Figures[]][] = [
      ['portcall', [times(5), times(10), times(2)]],
      ['net', [times(20), times(20), times(20)]],
    ];
    const data = plotData([resultOf('W1', rounds)]);
    expect(data?.baseline).toBe('net');
    expect(data?.groups).toHaveLength(3);
    expect(data?.groups[0]?.bars).toEqual([
      { subject: 'portcall', advantage: { median: 4, min: 2, max: 10 } },
    ]);
  });

  it('leaves rates as they are, and leaves the baseline out', () => {
    const rounds: [SubjectName, Figures[]][] = [
      ['net', [rate(100)]],
      ['grpc-js', [rate(25)]],
    ];
    const bars = plotData([resultOf('W2/8', rounds)])?.groups[0]?.bars;
    expect(bars).toEqual([
      { subject: 'grpc-js', advantage: { median: 0.25, min: 0.25, max: 0.25 } },
    ]);
  });

  it('is undefined when there is nothing to compare', () => {
    expect(plotData([])).toBeUndefined();
    expect(plotData([resultOf('W2/8', [['net', [rate(1)]]])])).toBeUndefined();
    expect(plotData([resultOf('W2/8', [['portcall', [rate(1)]]])])).toBeUndefined();
  });
});
