/*
 * The code in README.md, docs/ and the README files of packages is checked. What is to be done with
 * a fenced block says an HTML comment before it; see snippet.ts. A block in TypeScript or
 * JavaScript without one is a finding; a block in another language is then left alone.
 *
 * All named blocks of a document are written into one folder before the first of them runs, so that
 * blocks may import and spawn each other. Its `run` blocks are executed in their order. Then all
 * TypeScript blocks, of `run` and of `compile`, are type-checked in one program.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { readMarkdownBlocks, type MarkdownBlock } from './markdown-blocks.js';
import { REPOSITORY_ROOT } from './repository-root.js';
import { isProgram, runCheck } from './run-check.js';
import { SnippetFolder } from './snippet-folder.js';
import { isSameCode, takeRegion } from './snippet-region.js';
import { checkSnippetTypes } from './snippet-types.js';
import { needsAnnotation, readSnippet, type Snippet } from './snippet.js';
import { listFiles } from './workspace.js';

import type { CheckResult, Finding } from './finding.js';

interface AnnotatedBlock {
  readonly block: MarkdownBlock;
  readonly snippet: Snippet;
}

/** Checks the annotated blocks of every document of the repository at `root`. */
export async function checkSnippets(root: string): Promise<CheckResult> {
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'portcall-snippets-'));
  const findings: Finding[] = [];
  const typed = new Map<string, MarkdownBlock>();
  let checked = 0;
  try {
    for (const [index, file] of listDocuments(root).entries()) {
      const blocks = readMarkdownBlocks(file, readFileSync(join(root, file), 'utf8'));
      const annotated = readAnnotations(blocks, findings);
      checked += annotated.length;
      findings.push(...checkFileBlocks(root, annotated));
      const folder = new SnippetFolder(join(work, String(index)), root);
      writeBlocks({ annotated, folder, typed, findings });
      findings.push(...(await runBlocks(annotated, folder)));
    }
    findings.push(...checkTypes(root, typed));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { checked, items: 'blocks', findings };
}

function listDocuments(root: string): string[] {
  const readmes = listFiles(root, 'packages').filter((path) => path.endsWith('/README.md'));
  const docs = listFiles(root, 'docs').filter((path) => path.endsWith('.md'));
  return [...(existsSync(join(root, 'README.md')) ? ['README.md'] : []), ...docs, ...readmes];
}

function readAnnotations(blocks: readonly MarkdownBlock[], findings: Finding[]): AnnotatedBlock[] {
  return blocks.flatMap((block) => {
    if (block.annotation === undefined) {
      if (needsAnnotation(block.language)) findings.push(at(block, 'has no snippet annotation'));
      return [];
    }
    try {
      return [{ block, snippet: readSnippet(block, block.annotation) }];
    } catch (error) {
      findings.push(at(block, error instanceof Error ? error.message : 'is not readable'));
      return [];
    }
  });
}

function checkFileBlocks(root: string, annotated: readonly AnnotatedBlock[]): Finding[] {
  return annotated.flatMap(({ block, snippet }) => {
    if (snippet.mode !== 'file') return [];
    const { path, region } = snippet;
    if (!existsSync(join(root, path))) return [at(block, `names a missing file: ${path}`)];
    const text = readFileSync(join(root, path), 'utf8');
    const wanted = region === undefined ? text : takeRegion(text, region);
    if (wanted === undefined) return [at(block, `names a missing region: ${path}#${region}`)];
    return isSameCode(block.code, wanted, block.language)
      ? []
      : [at(block, `differs from ${path}${region === undefined ? '' : `#${region}`}`)];
  });
}

interface WriteBlocksOptions {
  readonly annotated: readonly AnnotatedBlock[];
  readonly folder: SnippetFolder;
  /** Takes the path of each TypeScript file that was written. */
  readonly typed: Map<string, MarkdownBlock>;
  readonly findings: Finding[];
}

function writeBlocks({ annotated, folder, typed, findings }: WriteBlocksOptions): void {
  const names = new Set<string>();
  for (const { block, snippet } of annotated) {
    if (!('name' in snippet)) continue;
    const { name } = snippet;
    if (names.has(name)) findings.push(at(block, `has the name of an earlier block: "${name}"`));
    names.add(name);
    const path = folder.write(name, `${block.code}\n`);
    if (name.endsWith('.ts')) typed.set(path, block);
  }
}

async function runBlocks(
  annotated: readonly AnnotatedBlock[],
  folder: SnippetFolder,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { block, snippet } of annotated) {
    if (snippet.mode !== 'run') continue;
    const { ok, output } = await folder.run(snippet.name);
    if (!ok) findings.push(at(block, `does not run:\n${output.trim()}`));
  }
  return findings;
}

function checkTypes(root: string, typed: ReadonlyMap<string, MarkdownBlock>): Finding[] {
  if (typed.size === 0) return [];
  return checkSnippetTypes(root, [...typed.keys()]).flatMap(({ path, line, text }) => {
    const block = typed.get(path);
    return block ? [{ file: block.file, line: block.line + line, text }] : [];
  });
}

function at(block: MarkdownBlock, text: string): Finding {
  return { file: block.file, line: block.line, text: `block ${text}` };
}

if (isProgram(import.meta.url)) await runCheck('snippets', () => checkSnippets(REPOSITORY_ROOT));
