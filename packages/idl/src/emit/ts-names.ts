import { posix } from 'node:path';
import type { DescMessage } from '@bufbuild/protobuf';
import { safeName } from '../messages/safe-names.js';

/** Name of the TypeScript type and value of a message: `Outer_Inner`, `MapMessage` for `Map`. */
export function messageTsName(message: DescMessage): string {
  const names: string[] = [];
  for (let at: DescMessage | undefined = message; at !== undefined; at = at.parent) {
    const isOutermost = at.parent === undefined;
    const name = isOutermost ? safeName(at.name, at.file.proto.package, 'message') : at.name;
    names.unshift(snakeToCamel(name));
  }
  return names.join('_');
}

/** Property of a method: the name with a small first letter, as ts-proto has it. */
export function methodTsName(name: string): string {
  return name.slice(0, 1).toLowerCase() + name.slice(1);
}

/** Path of a generated file: `acme/greeter.proto` and `.ts` give `acme/greeter.ts`. */
export function outputPath(importName: string, ending: string): string {
  // The first ".proto" is replaced, not the last one, because ts-proto does it so.
  return importName.replace('.proto', ending);
}

/** What one generated file writes to import another; both are import names of `.proto` files. */
export function importSpecifier(from: string, to: string): string {
  const path = posix.relative(posix.dirname(outputPath(from, '.ts')), outputPath(to, '.js'));
  return path.startsWith('.') ? path : `./${path}`;
}

/** Name of a type or a property as ts-proto makes it (its `maybeSnakeToCamel`). */
export function snakeToCamel(name: string): string {
  if (!name.includes('_')) return name;
  const hasLowerCase = /[a-z]/.test(name);
  const words = name.split('_').map((word) => (hasLowerCase ? word : word.toLowerCase()));
  return words.map((word, index) => (index === 0 ? word : capitalize(word))).join('');
}

function capitalize(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
