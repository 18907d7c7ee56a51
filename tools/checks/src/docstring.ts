import ts from 'typescript';

/**
 * Tells whether a declaration has a docstring: a JSDoc comment with words in it, before its first
 * tag. A comment of tags alone does not count, except for `@inheritDoc`.
 */
export function hasDocstring(node: ts.Node): boolean {
  return ts.getJSDocCommentsAndTags(node).some((part) => {
    if (!ts.isJSDoc(part)) return false;
    const words = ts.getTextOfJSDocComment(part.comment) ?? '';
    const inherits = part.tags?.some((tag) => /^inheritdoc$/i.test(tag.tagName.text)) ?? false;
    return words.trim() !== '' || inherits;
  });
}
