import { describe, expect, it } from 'vitest';

import { BARS, judgeBars, type Bar } from './bars.js';
import type { CaseResult } from './case-result.js';
import { CASES } from './cases.js';
import type { SubjectName } from './subjects/subject-table.js';

function resultOf(caseId: string, figures: Partial<Record<SubjectName, number[]>>): CaseResult {
  const benchCase = CASES.find(({ id }) => id === caseId)!;
  const metricId = benchCase.metrics[0]!.id;
  const rounds = Object.entries(figures).map(
    ([name, values]) =>
      [name as SubjectName, values.map((value) => ({ [metricId]: value }))] as const,
  );
  return { benchCase, rounds: new Map(rounds), failures: new Map() };
}

const latencyBar: Bar = {
  subject: 'portcall',
  caseId: 'W1',
  metricId: 'p50Us',
  title: 'W1 p50',
  baseline: 'net',
  better: 'lower',
  limit: 0.5,
  stretch: 0.25,
};
const rateBar: Bar = {
  subject: 'portcall',
  caseId: 'W2/64',
  metricId: 'callsPerSecond',
  title: 'W2/64',
  baseline: 'net',
  better: 'higher',
  limit: 2,
};

describe('judgeBars()', () => {
  it.each([
    [4, true, false],
    [5, true, false],
    [6, false, false],
    [2.5, true, true],
  ])('judges a time of %d by 10', (value, isReached, isStretchReached) => {
    const results = [resultOf('W1', { portcall: [value], net: [10] })];
    expect(judgeBars(results, [latencyBar])).toMatchObject([{ isReached, isStretchReached }]);
  });

  it.each([
    [30, true],
    [20, true],
    [19, false],
  ])('judges a rate of %d by 10', (value, isReached) => {
    const results = [resultOf('W2/64', { portcall: [value], net: [10] })];
    expect(judgeBars(results, [rateBar])).toMatchObject([{ isReached, isStretchReached: false }]);
  });

  it('leaves out what was not measured', () => {
    expect(judgeBars([], [latencyBar])).toEqual([]);
    expect(judgeBars([resultOf('W1', { portcall: [1] })], [latencyBar])).toEqual([]);
    expect(judgeBars([resultOf('W1', { net: [1] })], [latencyBar])).toEqual([]);
  });
});

describe('BARS', () => {
  it.each(BARS)('$title by $baseline is about a figure that is measured', (bar) => {
    const metrics = CASES.find(({ id }) => id === bar.caseId)?.metrics ?? [];
    expect(metrics).toContainEqual(
      expect.objectContaining({ id: bar.metricId, better: bar.better }),
    );
  });
});
