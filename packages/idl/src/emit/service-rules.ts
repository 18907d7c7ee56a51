import type { Findings } from '../diagnostics/findings.js';
import type { SourceFile } from '../diagnostics/source-file.js';
import type { MethodNode, OptionNode, ServiceNode } from '../syntax/tree.js';
import type { MethodModel } from './service-model.js';

/** Where the findings of a rule go. */
interface RulePlace<Node> {
  readonly node: Node;
  readonly source: SourceFile;
  readonly findings: Findings;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Versions are two numbers of 16 bits each, as in the bind message. */
const VERSION_PART_MAX = 0xffff;

/** Property names that a client object cannot have: a promise, or the prototype of the table. */
const REFUSED_NAMES: ReadonlySet<string> = new Set(['then', '__proto__']);

/** Checks the options `uuid` (lower case) and `version` of a service. */
export function checkService(
  place: RulePlace<ServiceNode>,
  service: { readonly uuid: string | undefined; readonly version: string },
): void {
  const { node, source, findings } = place;
  if (service.uuid !== undefined && !UUID.test(service.uuid)) {
    findings.add(source, optionOffset(node, 'uuid'), {
      text:
        `Cannot set (portcall.uuid): found "${service.uuid}", wanted ` +
        `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`,
      hint: 'Make one with: node -p "crypto.randomUUID()"',
    });
  }
  const parts = /^(\d{1,5})\.(\d{1,5})$/.exec(service.version)?.slice(1).map(Number);
  if (parts !== undefined && parts.every((part) => part <= VERSION_PART_MAX)) return;
  findings.add(source, optionOffset(node, 'version'), {
    text: `Cannot set (portcall.version): found "${service.version}", wanted "major.minor"`,
    hint: `Both are numbers from 0 to ${VERSION_PART_MAX}, as in "1.0"`,
  });
}

/** Checks one method by itself. */
export function checkMethod(place: RulePlace<MethodNode>, method: MethodModel): void {
  const { node, source, findings } = place;
  if (REFUSED_NAMES.has(method.localName)) {
    findings.add(source, node.name.start, {
      text:
        `Cannot make method "${method.name}": an object with the property ` +
        `"${method.localName}" is not usable as a client`,
      hint: 'Give the method another name',
    });
  }
  if (method.id === 0) {
    findings.add(source, optionOffset(node, 'id'), {
      text: 'Cannot set (portcall.id): found 0, wanted a number from 1 to 4294967295',
      hint: 'Leave the option out to use the hash of the name',
    });
  }
  checkReply(place, method);
  for (const [option, value] of [
    ['deadline_ms', method.deadlineMs],
    ['max_request_bytes', method.maxRequestBytes],
    ['max_response_bytes', method.maxResponseBytes],
  ] as const) {
    if (value !== 0) continue;
    findings.add(source, optionOffset(node, option), {
      text: `Cannot set (portcall.${option}): found 0, wanted at least 1`,
      hint: 'Leave the option out for the default',
    });
  }
}

/** Checks the methods of a service together. */
export function checkMethods(place: RulePlace<ServiceNode>, methods: readonly MethodModel[]): void {
  const byId = new Map<number, string>();
  const byLocalName = new Map<string, string>();
  for (const [index, method] of methods.entries()) {
    const offset = place.node.methods[index]?.name.start ?? place.node.start;
    const sameId = byId.get(method.id);
    if (sameId !== undefined) {
      place.findings.add(place.source, offset, {
        text:
          `Cannot make method "${method.name}": its id 0x${method.id.toString(16)} is ` +
          `that of "${sameId}"`,
        hint: 'Set another id on one of them: option (portcall.id) = 1;',
      });
    }
    const sameName = byLocalName.get(method.localName);
    if (sameName !== undefined) {
      place.findings.add(place.source, offset, {
        text:
          `Cannot make method "${method.name}": "${sameName}" has the same name in ` +
          `TypeScript, ${method.localName}`,
        hint: 'Give one of the two another name',
      });
    }
    byId.set(method.id, method.name);
    byLocalName.set(method.localName, method.name);
  }
}

function checkReply({ node, source, findings }: RulePlace<MethodNode>, method: MethodModel): void {
  if (!method.oneway && !method.maybe) return;
  const option = method.oneway ? 'oneway' : 'maybe';
  if (method.kind !== 'unary') {
    findings.add(source, optionOffset(node, option), {
      text: `Cannot set (portcall.${option}): the method is of kind ${method.kind}, wanted unary`,
      hint: 'Remove "stream", or the option',
    });
  }
  if (method.output.typeName === 'google.protobuf.Empty') return;
  findings.add(source, node.output.type.start, {
    text:
      `Cannot set (portcall.${option}): the method returns ${method.output.typeName}, ` +
      `wanted google.protobuf.Empty`,
    hint:
      'There is no reply: write returns (google.protobuf.Empty) and import ' +
      '"google/protobuf/empty.proto"',
  });
}

function optionOffset(node: ServiceNode | MethodNode, name: string): number {
  const isWanted = (option: OptionNode): boolean => {
    const part = option.name[0];
    return part?.isExtension === true && /(?:^|\.)(\w+)$/.exec(part.text)?.[1] === name;
  };
  return node.options.find(isWanted)?.value.start ?? node.name.start;
}
