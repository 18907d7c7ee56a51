import ts from 'typescript';

import { codeLines } from './code-lines.js';
import { lineOf } from './source-file.js';

import type { Finding } from './finding.js';

/** The most code lines of a function, its head included. Source: docs/CONVENTIONS.md. */
export const FUNCTION_LINES_MAX = 60;
/** The most parameters: three, and one options object. Source: docs/CONVENTIONS.md. */
export const PARAMETERS_MAX = 4;

const TEST_CALL = /^(describe|suite|it|test|before(Each|All)|after(Each|All))\b/;

/**
 * Finds the functions of a file that are too long or take too many parameters (`this` is none).
 * The lines of a callback handed to `describe`, `it`, `test` or a hook count for that callback
 * only, not for the functions around it: a suite is as long as it has tests.
 */
export function checkFunctions(file: string, source: ts.SourceFile): Finding[] {
  const findings: Finding[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      for (const text of violations(node)) findings.push({ file, line: lineOf(node), text });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return findings;
}

function violations(node: ts.SignatureDeclaration): string[] {
  const name = node.name ? `${node.name.getText()}()` : 'a function';
  const found: string[] = [];
  const lines = ownLines(node);
  if (lines > FUNCTION_LINES_MAX) {
    found.push(`${name} has ${lines} code lines, limit is ${FUNCTION_LINES_MAX}`);
  }
  const count = node.parameters.filter((one) => one.name.getText() !== 'this').length;
  if (count > PARAMETERS_MAX) {
    found.push(`${name} has ${count} parameters, limit is ${PARAMETERS_MAX}`);
  }
  return found;
}

function ownLines(node: ts.SignatureDeclaration): number {
  const lines = codeLines(node);
  for (const callback of testCallbacks(node)) {
    for (const line of codeLines(callback)) lines.delete(line);
  }
  return lines.size;
}

function testCallbacks(node: ts.Node): ts.Node[] {
  const found: ts.Node[] = [];
  const visit = (child: ts.Node): void => {
    if (ts.isCallExpression(child) && TEST_CALL.test(child.expression.getText())) {
      found.push(...child.arguments.filter((argument) => ts.isFunctionLike(argument)));
    }
    ts.forEachChild(child, visit);
  };
  ts.forEachChild(node, visit);
  return found;
}
