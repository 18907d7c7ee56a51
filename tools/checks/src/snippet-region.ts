import ts from 'typescript';

/**
 * Takes the lines between `#region name` and its `#endregion` (in any kind of comment) out of a
 * text. Regions inside it stay, their marks go; the common indentation goes too.
 */
export function takeRegion(text: string, name: string): string | undefined {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /#region\s+([\w-]+)/.exec(line)?.[1] === name);
  if (start < 0) return undefined;
  const region: string[] = [];
  let depth = 1;
  for (const line of lines.slice(start + 1)) {
    if (line.includes('#endregion')) depth--;
    else if (line.includes('#region')) depth++;
    else region.push(line);
    if (depth === 0) return removeCommonIndent(region);
  }
  return undefined;
}

/**
 * Tells whether two texts are the same code. In TypeScript and JavaScript the tokens and comments
 * must be the same; line breaks and trailing commas may differ, because prettier sets them by the
 * indentation. In other languages the lines must be the same.
 */
export function isSameCode(one: string, other: string, language: string): boolean {
  if (!/^(ts|js|typescript|javascript)$/.test(language)) return one.trim() === other.trim();
  return tokens(one).join('\0') === tokens(other).join('\0');
}

function tokens(text: string): string[] {
  const scanner = ts.createScanner(
    ts.ScriptTarget.ESNext,
    false,
    ts.LanguageVariant.Standard,
    text,
  );
  const found: string[] = [];
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    if (kind === ts.SyntaxKind.WhitespaceTrivia || kind === ts.SyntaxKind.NewLineTrivia) continue;
    const token = scanner.getTokenText();
    if (/^[)\]}]$/.test(token) && found.at(-1) === ',') found.pop();
    const isComment = token.startsWith('/*');
    found.push(isComment ? token.replace(/\s+/g, ' ') : token);
  }
  return found;
}

function removeCommonIndent(lines: readonly string[]): string {
  const indents = lines
    .filter((line) => line.trim() !== '')
    .map((line) => line.length - line.trimStart().length);
  const common = Math.min(...indents, Infinity);
  return lines.map((line) => line.slice(common)).join('\n');
}
