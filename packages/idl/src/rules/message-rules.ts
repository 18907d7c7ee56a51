import { checkJsonNames } from './json-name-rules.js';
import { checkMessageNumbers } from './number-rules.js';
import type { RuleContext } from './rule-context.js';
import type { VisitedMessage } from './visit.js';

/** Checks a message as a whole: its numbers, its names in JSON, its oneofs and extension ranges. */
export function checkMessage(message: VisitedMessage, context: RuleContext): void {
  checkMessageNumbers(message, context);
  checkJsonNames(message, context);
  for (const member of message.node.members) {
    if (member.kind === 'oneof' && member.fields.length === 0) {
      const text =
        `Cannot define oneof "${member.name.text}": it has no fields, wanted at ` + `least one`;
      context.report(member.name, text, 'Add a field, or remove the oneof');
    }
    if (member.kind === 'extensions' && context.file.edition === 'proto3') {
      const text = 'Cannot declare extensions: proto3 has no extension ranges';
      context.report(member, text, 'Use google.protobuf.Any, or syntax = "proto2";');
    }
  }
  checkVisibility(message, context);
}

function checkVisibility({ node }: VisitedMessage, context: RuleContext): void {
  const { edition } = context.file;
  if (node.visibility === undefined || (/^\d/.test(edition) && edition >= '2024')) return;
  const text = `Cannot use "${node.visibility}": the file is of ${edition}, wanted edition 2024`;
  context.report(node, text, `Remove "${node.visibility}"`);
}
