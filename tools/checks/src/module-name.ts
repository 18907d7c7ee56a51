import { isBuiltin } from 'node:module';

/** What kind of module a specifier names. */
export type ModuleKind = 'file' | 'builtin' | 'ours' | 'npm' | 'other';

/**
 * Sorts a specifier: a path, a module of Node.js, one of our packages, an npm package, the rest.
 */
export function moduleKind(specifier: string): ModuleKind {
  if (/^\.{0,2}\//.test(specifier) || /^\.{1,2}$/.test(specifier)) return 'file';
  if (isBuiltin(specifier)) return 'builtin';
  if (/^(#|[a-z]+:)/.test(specifier)) return 'other';
  return /^(@portcall\/|portcall($|\/))/.test(specifier) ? 'ours' : 'npm';
}

/** Cuts a specifier to the name of its package: `@portcall/wire/deep` gives `@portcall/wire`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Gives the module of Node.js with its prefix: `fs/promises` gives `node:fs/promises`. */
export function builtinName(specifier: string): string {
  return specifier.startsWith('node:') ? specifier : `node:${specifier}`;
}
