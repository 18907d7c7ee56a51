import { describe, expect, it } from 'vitest';

import { formatTable } from './text-table.js';

describe('formatTable()', () => {
  it('aligns names to the left and figures to the right', () => {
    const rows = [
      ['', 'a', 'figure'],
      ['name', '10', '1'],
    ];
    expect(formatTable(rows)).toBe(['       a  figure', 'name  10       1'].join('\n'));
  });

  it('takes rows of different lengths', () => {
    expect(formatTable([['x'], ['long', '1']])).toBe(['x', 'long  1'].join('\n'));
  });
});
