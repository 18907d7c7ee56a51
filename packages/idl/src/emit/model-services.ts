import type { DescFile, DescMethod, DescService, FileRegistry } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { Findings } from '../diagnostics/findings.js';
import type { ParsedFile } from '../syntax/parse-file.js';
import type { MethodNode, ServiceNode } from '../syntax/tree.js';
import { methodIdOf, SERVICE_UUID_NAMESPACE, uuidV5 } from './identity.js';
import { PortcallOptions } from './portcall-options.js';
import { checkMethod, checkMethods, checkService } from './service-rules.js';
import type { MethodKind, MethodModel, ServiceModel } from './service-model.js';
import { methodTsName } from './ts-names.js';

/** Field numbers in descriptor.proto, for paths into `source_code_info`. */
const SERVICE_PATH = 6;
const METHOD_PATH = 2;

const KINDS: Readonly<Record<DescMethod['methodKind'], MethodKind>> = {
  unary: 'unary',
  server_streaming: 'server-stream',
  client_streaming: 'client-stream',
  bidi_streaming: 'bidi-stream',
};

/**
 * Models of the services of one file: options read, ids and UUIDs computed. What Portcall refuses
 * becomes a finding; then the models must not be used.
 */
export function modelServices(
  parsed: ParsedFile,
  registry: FileRegistry,
  findings: Findings,
): ServiceModel[] {
  const file = registry.getFile(parsed.name);
  if (file === undefined) return [];
  const options = new PortcallOptions(registry);
  const nodes = parsed.tree.members.filter((member) => member.kind === 'service');
  return nodes.flatMap((node, index) => {
    const service = file.services[index];
    if (service === undefined) return [];
    return [new ServiceModeler({ parsed, options, findings }, node, service).model(index)];
  });
}

class ServiceModeler {
  readonly #context: { parsed: ParsedFile; options: PortcallOptions; findings: Findings };
  readonly #node: ServiceNode;
  readonly #service: DescService;

  constructor(
    context: { parsed: ParsedFile; options: PortcallOptions; findings: Findings },
    node: ServiceNode,
    service: DescService,
  ) {
    this.#context = context;
    this.#node = node;
    this.#service = service;
  }

  model(index: number): ServiceModel {
    const { options, findings, parsed } = this.#context;
    const proto = this.#service.proto;
    const version = options.text(proto.options, 'version') ?? '1.0';
    const uuid = options.text(proto.options, 'uuid')?.toLowerCase();
    checkService({ node: this.#node, source: parsed.source, findings }, { uuid, version });
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const methods = this.#service.methods.map((method, at) => this.#method(method, [index, at]));
    checkMethods({ node: this.#node, source: parsed.source, findings }, methods);
    return {
      name: this.#service.name,
      fullName: this.#service.typeName,
      uuid: uuid ?? uuidV5(this.#service.typeName, SERVICE_UUID_NAMESPACE),
      version: { major, minor },
      localOnly: options.flag(proto.options, 'local_only'),
      open: options.flag(proto.options, 'open'),
      object: options.flag(proto.options, 'object'),
      methods,
      comment: commentAt(this.#service.file, [SERVICE_PATH, index]),
      deprecated: this.#service.deprecated,
    };
  }

  #method(method: DescMethod, [serviceIndex, index]: readonly [number, number]): MethodModel {
    const { options, findings, parsed } = this.#context;
    const given = method.proto.options;
    const isIdempotent = method.idempotency !== IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
    const model: MethodModel = {
      name: method.name,
      localName: methodTsName(method.name),
      id: options.number(given, 'id') ?? methodIdOf(method.name),
      kind: KINDS[method.methodKind],
      oneway: options.flag(given, 'oneway'),
      maybe: options.flag(given, 'maybe'),
      idempotent: isIdempotent || options.flag(given, 'idempotent'),
      deadlineMs: options.number(given, 'deadline_ms'),
      maxRequestBytes: options.number(given, 'max_request_bytes'),
      maxResponseBytes: options.number(given, 'max_response_bytes'),
      priority: options.number(given, 'priority'),
      callback: options.flag(given, 'callback'),
      acl: options.text(given, 'acl'),
      sensitive: options.flag(given, 'sensitive'),
      input: method.input,
      output: method.output,
      comment: commentAt(method.parent.file, [SERVICE_PATH, serviceIndex, METHOD_PATH, index]),
      deprecated: method.deprecated,
    };
    const node: MethodNode | undefined = this.#node.methods[index];
    if (node !== undefined) checkMethod({ node, source: parsed.source, findings }, model);
    return model;
  }
}

function commentAt(file: DescFile, path: readonly number[]): string {
  const wanted = path.join('.');
  const locations = file.proto.sourceCodeInfo?.location ?? [];
  const location = locations.find((item) => item.path.join('.') === wanted);
  const text = location?.leadingComments || location?.trailingComments || '';
  // In a /** … */ comment the second star is part of the text.
  return text.replace(/^\*\n?/, '');
}
