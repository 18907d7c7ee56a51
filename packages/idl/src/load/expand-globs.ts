import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Expands patterns that the shell left alone: `*` and `?` within one name, `**` for any depth of
 * folders. A pattern without them, or one that names an existing file, stays as it is. Order: the
 * patterns as given, matches of one pattern sorted. A pattern that matches nothing gives itself, so
 * that the loader reports it.
 */
export function expandGlobs(patterns: readonly string[], cwd: string): string[] {
  const files: string[] = [];
  for (const pattern of patterns) {
    const isGlob = /[*?]/.test(pattern) && !existsSync(join(cwd, pattern));
    const found = isGlob ? expandPattern(pattern, cwd) : [pattern];
    files.push(...(found.length > 0 ? found : [pattern]));
  }
  return [...new Set(files)];
}

function expandPattern(pattern: string, cwd: string): string[] {
  const isAbsolute = pattern.startsWith('/');
  const parts = pattern.split('/').filter((part) => part !== '');
  let heads = [isAbsolute ? '/' : ''];
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    heads = heads.flatMap((head) => expandPart({ head, part, isLast, cwd }));
  }
  return [...new Set(heads)].toSorted();
}

function expandPart(step: { head: string; part: string; isLast: boolean; cwd: string }): string[] {
  const { head, part, isLast, cwd } = step;
  if (part === '**') return [head, ...foldersBelow(head, cwd)];
  const append = (name: string): string => (head === '' ? name : join(head, name));
  if (!/[*?]/.test(part)) {
    const whole = append(part);
    return existsSync(at(cwd, whole)) ? [whole] : [];
  }
  const matcher = toRegExp(part);
  return list(head, cwd)
    .filter((name) => matcher.test(name))
    .map(append)
    .filter((path) => statSync(at(cwd, path)).isFile() === isLast);
}

function foldersBelow(head: string, cwd: string): string[] {
  return list(head, cwd)
    .map((name) => (head === '' ? name : join(head, name)))
    .filter((path) => statSync(at(cwd, path)).isDirectory())
    .flatMap((path) => [path, ...foldersBelow(path, cwd)]);
}

function list(head: string, cwd: string): string[] {
  const folder = at(cwd, head);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  return readdirSync(folder).filter((name) => !name.startsWith('.') && name !== 'node_modules');
}

function at(cwd: string, path: string): string {
  return path.startsWith('/') ? path : join(cwd, path);
}

function toRegExp(part: string): RegExp {
  const source = part.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*');
  return new RegExp(`^${source.replace(/\?/g, '.')}$`);
}
