import { describe, expect, it } from 'vitest';

import { readFloorTable } from './floor-table.js';

const HEAD = `# House

| package | may import (ours) | may import (others) | must never |
|---|---|---|---|
`;

describe('readFloorTable()', () => {
  it('reads names in backticks, dashes, notes and lists of packages', () => {
    const table = readFloorTable(`${HEAD}| wire | – | – | x |
| shm, \`port\` | wire (numbers only) | piscina, \`node:net\`, \`@bufbuild/protobuf\` | x |

| other | table |
`);
    expect([...table.keys()]).toEqual(['wire', 'shm', 'port']);
    expect(table.get('port')).toEqual({
      ours: new Set(['wire']),
      others: new Set(['piscina', '@bufbuild/protobuf']),
      builtins: new Set(['node:net']),
    });
  });

  it('allows every builtin in a row that names none', () => {
    const table = readFloorTable(`${HEAD}| native | – | node_api.h, uv.h in C | x |\n`);
    expect(table.get('native')?.builtins).toBe('any');
  });

  it('allows no builtin to wire, nor in a row that says nothing', () => {
    const table = readFloorTable(
      `${HEAD}| wire | – | – | x |\n| pure | – | nothing, not even \`node:\` | x |\n`,
    );
    expect(table.get('wire')?.builtins).toEqual(new Set());
    expect(table.get('pure')).toEqual({
      ours: new Set(),
      others: new Set(),
      builtins: new Set(),
    });
  });

  it('understands any and all of the above', () => {
    const table = readFloorTable(
      `${HEAD}| a | – | – | x |\n| b | all of the above | – | x |\n| c | any | – | x |\n`,
    );
    expect(table.get('b')?.ours).toEqual(new Set(['a']));
    expect(table.get('c')?.ours).toBe('any');
  });

  it('throws for a row that names a package of a later row', () => {
    expect(() => readFloorTable(`${HEAD}| a | b | – | x |\n| b | – | – | x |\n`)).toThrow(
      'no row above for "b"',
    );
  });

  it('throws when there is no table', () => {
    expect(() => readFloorTable('# House\n')).toThrow('Cannot find the table');
  });
});
