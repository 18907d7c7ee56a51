/**
 * Renders a comment of a `.proto` file as a TSDoc block, lines indented; nothing for an empty one.
 */
export function docComment(text: string, indent: string, deprecated = false): string {
  const lines = cleanLines(text);
  if (deprecated) lines.push(...(lines.length > 0 ? [''] : []), '@deprecated');
  const [first] = lines;
  if (first === undefined) return '';
  if (lines.length === 1) return `${indent}/** ${first} */\n`;
  const body = lines.map((line) => `${indent} * ${line}`.trimEnd());
  return `${indent}/**\n${body.join('\n')}\n${indent} */\n`;
}

function cleanLines(text: string): string[] {
  // Inside our comment, "*/" must not end it.
  const body = text.replaceAll('*/', '*\\/');
  const lines = body.split('\n').map((line) => line.replace(/^ /, '').trimEnd());
  while (lines[0] === '') lines.shift();
  while (lines.at(-1) === '') lines.pop();
  return lines;
}
