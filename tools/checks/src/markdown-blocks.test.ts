import { describe, expect, it } from 'vitest';

import { readMarkdownBlocks } from './markdown-blocks.js';

describe('readMarkdownBlocks()', () => {
  it('gives language, code and line', () => {
    expect(readMarkdownBlocks('a.md', 'x\n\n```TS title\na\n\nb\n```\n')).toEqual([
      { file: 'a.md', line: 3, language: 'ts', code: 'a\n\nb' },
    ]);
  });

  it('takes the annotation, also over a blank line', () => {
    const near = '<!-- snippet: run name=a.ts -->\n```ts\n```\n';
    const apart = '<!-- snippet: text: needs two machines -->\n\n```ts\n```\n';
    const blocks = readMarkdownBlocks('a.md', near + apart);
    expect(blocks.map((block) => block.annotation)).toEqual([
      'run name=a.ts',
      'text: needs two machines',
    ]);
  });

  it('takes no annotation over a line of text', () => {
    const [block] = readMarkdownBlocks('a.md', '<!-- snippet: run -->\ntext\n```ts\n```\n');
    expect(block?.annotation).toBeUndefined();
  });

  it('removes the indentation of a block in a list', () => {
    const [block] = readMarkdownBlocks('a.md', '- a\n\n  ```sh\n  b\n    c\n  ```\n');
    expect(block?.code).toBe('b\n  c');
  });

  it('keeps a fence inside a longer fence', () => {
    const blocks = readMarkdownBlocks('a.md', '````md\n```ts\n```\n````\n');
    expect(blocks.map((block) => block.code)).toEqual(['```ts\n```']);
  });
});
