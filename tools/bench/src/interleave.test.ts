import { describe, expect, it } from 'vitest';

import { interleave } from './interleave.js';

describe('interleave()', () => {
  it('measures the subjects in turn, one at a time', async () => {
    const steps: string[] = [];
    const measure = async (subject: string): Promise<number> => {
      steps.push(`${subject} begins`);
      await Promise.resolve();
      steps.push(`${subject} ends`);
      return steps.length;
    };
    const { values } = await interleave({ subjects: ['a', 'b'], rounds: 2, measure });
    const once = ['a begins', 'a ends', 'b begins', 'b ends'];
    expect(steps).toEqual([...once, ...once]);
    expect([...values]).toEqual([
      ['a', [2, 6]],
      ['b', [4, 8]],
    ]);
  });

  it('goes on without a subject that fails, and drops what it had', async () => {
    let calls = 0;
    const measure = async (subject: string): Promise<number> => {
      if (subject === 'b' && calls > 2) throw new Error('the server ended');
      return ++calls;
    };
    const plan = { subjects: ['a', 'b', 'c'], rounds: 3, measure };
    const { values, failures } = await interleave(plan);
    expect([...values.keys()]).toEqual(['a', 'c']);
    expect([...values.values()].map((list) => list.length)).toEqual([3, 3]);
    expect([...failures]).toEqual([['b', 'the server ended']]);
  });
});
