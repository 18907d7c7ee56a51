import type { MarkdownBlock } from './markdown-blocks.js';

/** What is to be done with a block. */
export type Snippet =
  | { readonly mode: 'text' }
  | { readonly mode: 'file'; readonly path: string; readonly region?: string }
  | { readonly mode: 'run' | 'compile' | 'write'; readonly name: string };

/** The suffix of a block's file, for each language that can be run, compiled or written. */
const SUFFIXES: Readonly<Record<string, string>> = {
  ts: 'ts',
  typescript: 'ts',
  js: 'js',
  javascript: 'js',
  sh: 'sh',
  bash: 'sh',
  proto: 'proto',
  json: 'json',
};

/** Tells whether blocks of this language must say what is to be done with them. */
export function needsAnnotation(language: string): boolean {
  const suffix = SUFFIXES[language];
  return suffix === 'ts' || suffix === 'js';
}

/**
 * Reads the annotation of a block:
 *
 * - `run`: execute it; `run name=x.ts` writes it as `x.ts`, for other blocks to import or spawn;
 * - `compile`: check its types; with `name=` it is also written, but not executed by itself;
 * - `write name=x.proto`: only write it beside the others;
 * - `file path#region`: must equal that region of that file (without `#region`, the whole file);
 * - `text`: not checked; a reason may follow after a colon.
 *
 * Errors: Error with what is wrong about the annotation.
 */
export function readSnippet(block: MarkdownBlock, annotation: string): Snippet {
  if (/^text(:.*)?$/.test(annotation)) return { mode: 'text' };
  const file = /^file ([^\s#]+)(?:#([\w-]+))?$/.exec(annotation);
  if (file) {
    const [, path = '', region] = file;
    return { mode: 'file', path, ...(region === undefined ? {} : { region }) };
  }
  const match = /^(run|compile|write)(?: name=([\w./-]+))?$/.exec(annotation);
  if (!match) throw new Error(`has an unknown annotation: "${annotation}"`);
  const [, mode, name] = match;
  if (mode === 'write' && name === undefined) throw new Error('is to be written, but has no name');
  return checked(block, mode as 'run' | 'compile' | 'write', name);
}

function checked(
  block: MarkdownBlock,
  mode: 'run' | 'compile' | 'write',
  given: string | undefined,
): Snippet {
  const suffix = SUFFIXES[block.language];
  const name = given ?? `snippet-${block.line}.${suffix}`;
  if (name.split('/').includes('..') || name.startsWith('/')) {
    throw new Error(`has a name outside its folder: "${name}"`);
  }
  if (mode === 'write') return { mode, name };
  const possible = mode === 'run' ? ['ts', 'js', 'sh'] : ['ts'];
  if (suffix === undefined || !possible.includes(suffix)) {
    throw new Error(`cannot be ${mode === 'run' ? 'run' : 'compiled'}: "${block.language}"`);
  }
  if (!name.endsWith(`.${suffix}`)) throw new Error(`has a name without .${suffix}: "${name}"`);
  return { mode, name };
}
