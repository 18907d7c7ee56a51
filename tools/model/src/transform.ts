import ts from 'typescript';

import { FakeView, type Steps } from './fake-memory.js';

type Callable = (this: unknown, ...args: unknown[]) => unknown;

function isSteps(value: unknown): value is Steps {
  return Object.prototype.toString.call(value) === '[object Generator]';
}

/** Calls anything from a transformed method, and goes through its steps if it has any. */
export function* call(target: unknown, name: string | undefined, ...args: unknown[]): Steps {
  const [source, to] = args;
  if (name === 'set' && source instanceof FakeView && target instanceof Uint8Array) {
    return yield* source.copyTo(target, Number(to ?? 0));
  }
  const callee = name === undefined ? target : (target as Record<string, unknown>)[name];
  const result = (callee as Callable).apply(name === undefined ? undefined : target, args);
  return isSteps(result) ? yield* result : result;
}

function visitor(context: ts.TransformationContext): ts.Visitor {
  const { factory } = context;
  let isInMethod = false;
  const visit: ts.Visitor = (node) => {
    if (ts.isPrivateIdentifier(node)) return factory.createIdentifier(`$${node.text.slice(1)}`);
    if (ts.isArrowFunction(node) || ts.isFunctionDeclaration(node)) {
      const before = isInMethod;
      isInMethod = false;
      const result = ts.visitEachChild(node, visit, context);
      isInMethod = before;
      return result;
    }
    if (ts.isMethodDeclaration(node)) {
      isInMethod = true;
      const inner = ts.visitEachChild(node, visit, context);
      isInMethod = false;
      const { modifiers, name, typeParameters, parameters, body } = inner;
      const star = factory.createToken(ts.SyntaxKind.AsteriskToken);
      return factory.updateMethodDeclaration(
        inner,
        modifiers,
        star,
        name,
        undefined,
        typeParameters,
        parameters,
        undefined,
        body,
      );
    }
    if (!isInMethod || !ts.isCallExpression(node) || ts.isCallChain(node)) {
      return ts.visitEachChild(node, visit, context);
    }
    const inner = ts.visitEachChild(node, visit, context);
    const callee = inner.expression;
    const target = ts.isPropertyAccessExpression(callee)
      ? [callee.expression, factory.createStringLiteral(callee.name.text)]
      : [callee, factory.createVoidZero()];
    const args = [...target, ...inner.arguments];
    const made = factory.createCallExpression(factory.createIdentifier('$call'), undefined, args);
    const star = factory.createToken(ts.SyntaxKind.AsteriskToken);
    return factory.createParenthesizedExpression(factory.createYieldExpression(star, made));
  };
  return visit;
}

/** JavaScript (CommonJS) of a source whose methods stop before each shared access. */
export function transform(source: string): string {
  const before: ts.TransformerFactory<ts.SourceFile> = (context) => (file) =>
    ts.visitEachChild(file, visitor(context), context);
  return ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    transformers: { before: [before] },
  }).outputText;
}
