import protobufjs from 'protobufjs';
import type { Findings } from '../diagnostics/findings.js';
import type { ParsedFile } from '../syntax/parse-file.js';
import { outlineRoot } from './outline-root.js';
import { outlineTree } from './outline-tree.js';

const REPORT_HINT =
  'This is a bug of portcall-idl, and nothing was generated because of it: please report it ' +
  'with the file';

const REFUSED_HINT =
  'Every file is read by two parsers, and both must accept it. If another compiler accepts it, ' +
  'please report it';

/**
 * Reads a file once more, with protobufjs's parser, into a root of its own, and compares what the
 * two readers found. Ours is needed because protobufjs keeps no positions, no order and not all
 * options; protobufjs's is the older one. A difference is a finding: nothing is ever generated from
 * a file that one of the two misunderstands. To be called for files without other findings.
 */
export function compareReaders(file: ParsedFile, findings: Findings): void {
  if (file.tree.beyondProtobufjs) return;
  const outline = tryOutline(file, findings);
  if (outline === undefined) return;
  const ours = outlineTree(file);
  const difference = [
    ...missingFrom(outline, ours).map((line) => `only ours has "${line}"`),
    ...missingFrom(ours, outline).map((line) => `only protobufjs has "${line}"`),
  ];
  if (difference.length === 0) return;
  const text =
    `Cannot trust the reading of the file: the two parsers differ, ` +
    `${difference.slice(0, 3).join('; ')}`;
  findings.add(file.source, 0, { text, hint: REPORT_HINT });
}

function tryOutline(file: ParsedFile, findings: Findings): string[] | undefined {
  try {
    const { root } = protobufjs.parse(file.source.text, new protobufjs.Root(), { keepCase: true });
    return outlineRoot(root);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Its other errors are about names and numbers, which our own rules judge, as protobuf does.
    if (!message.startsWith('illegal ')) return undefined;
    const line = Number(/\(line (\d+)\)/.exec(message)?.[1] ?? '1');
    const text = `Cannot read file: protobufjs says ${message.replace(/ \(.*line \d+\)$/, '')}`;
    findings.add(file.source, offsetIn(file, line, message), { text, hint: REFUSED_HINT });
    return undefined;
  }
}

/** Offset of the token that the message quotes, or of the start of its line. */
function offsetIn(file: ParsedFile, line: number, message: string): number {
  const token = /'([^']+)'/.exec(message)?.[1] ?? '';
  const column = file.source.lineText(line).indexOf(token);
  return file.source.offsetOfLine(line) + Math.max(column, 0);
}

function missingFrom(lines: readonly string[], wanted: readonly string[]): string[] {
  const known = new Set(lines);
  return wanted.filter((line) => !known.has(line));
}
