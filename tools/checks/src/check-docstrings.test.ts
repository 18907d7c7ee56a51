import { describe, expect, it } from 'vitest';

import { manifest, writeTree } from '../test/write-tree.js';
import { checkDocstrings } from './check-docstrings.js';
import { formatFinding } from './finding.js';

function findings(text: string, path = 'packages/wire/src/a.ts'): string[] {
  const root = writeTree({
    'packages/wire/package.json': manifest('@portcall/wire'),
    'packages/testing/package.json': manifest('@portcall/testing'),
    [path]: text,
  });
  return checkDocstrings(root).findings.map(formatFinding);
}

const CLEAN = `
/** Opens. */
export function open(a: string): void;
export function open(a: number): void;
export function open(): void {}
/** A limit. */
export const LIMIT = 1;
/** A link. */
export class Link extends Base {
  #hidden = 1;
  private half = 2;
  constructor() {}
  /** Its state. */
  get state() { return 1; }
  set state(value) {}
  /** {@inheritDoc Base.send} */
  send() {}
  /** @inheritDoc */
  take() {}
  override stop() {}
  protected own() {}
  async [Symbol.asyncDispose]() {}
}
/** Listed below. */
const listed = 1;
export { listed };
export { other } from './other.js';
function inner() {}
`;

describe('checkDocstrings()', () => {
  it('finds nothing when all is documented', () => {
    expect(findings(CLEAN)).toEqual([]);
  });

  it.each([
    ['function', 'export function open() {}', 'open'],
    ['async function', 'export async function open() {}', 'open'],
    ['constant', 'export const LIMIT = 1;', 'LIMIT'],
    ['interface', 'export interface Link {}', 'Link'],
    ['type', 'export type Id = number;', 'Id'],
    ['abstract class', 'export abstract class Link {}', 'Link'],
    ['listed name', 'const a = 1;\nexport { a as b };', 'a'],
    ['method', '/** A link. */ export class Link { send() {} }', 'Link.send'],
    ['property', '/** A link. */ export class Link { readonly id = 1; }', 'Link.id'],
    ['getter', '/** A link. */ export class Link { get id() { return 1; } }', 'Link.id'],
    ['static method', '/** A link. */ export class Link { static of() {} }', 'Link.of'],
    ['member of a class in a constant', '/** A. */ export const A = class { b() {} };', 'A.b'],
    ['function with a plain comment', '// Opens.\nexport function open() {}', 'open'],
    ['function with tags alone', '/** @internal */ export function open() {}', 'open'],
    ['function with an empty docstring', '/** */ export function open() {}', 'open'],
  ])('finds a %s without a docstring', (_name, text, symbol) => {
    const found = findings(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`: ${symbol} is exported without a docstring`);
  });

  it('lets a class inherit the docstrings of the interfaces that it implements', () => {
    const text = `
      /** Closes. */
      export interface Closing {
        /** Ends it. */
        close(): void;
      }
      /** A link. */
      export interface Link<T> extends Closing {
        /** Sends. */
        send(): T;
        flush(): void;
      }
      /** In memory. */
      export class MemoryLink implements Link<number> { send() {} close() {} flush() {} mark() {} }
      /** Alone. */
      export class Other { send() {} }`;
    const names = findings(text).map((line) => / (\S+) is exported/.exec(line)?.[1]);
    expect(names).toEqual(['MemoryLink.flush', 'MemoryLink.mark', 'Other.send']);
  });

  it.each([
    'packages/wire/src/a.test.ts',
    'packages/wire/src/gen/a.ts',
    'packages/testing/src/a.ts',
  ])('leaves out %s', (path) => {
    expect(findings('export const a = 1;', path)).toEqual([]);
  });
});
