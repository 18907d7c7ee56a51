import { join } from '../convert/names.js';
import type {
  EnumNode,
  ExtendNode,
  FieldNode,
  MessageNode,
  OneofNode,
  OptionNode,
  ServiceNode,
} from '../syntax/tree.js';
import { type Features, featuresOfEdition, inheritFeatures } from './features.js';
import type { RuleContext } from './rule-context.js';

/** A message with what rules ask about it. */
export interface VisitedMessage {
  readonly node: MessageNode;
  readonly fullName: string;
  readonly features: Features;
  /** All fields, those in oneofs included, in the order of the source. */
  readonly fields: readonly VisitedField[];
}

/** A field with what rules ask about it. */
export interface VisitedField {
  readonly node: FieldNode;
  readonly features: Features;
  readonly oneof: OneofNode | undefined;
  /** Set for an extension field. */
  readonly extend: ExtendNode | undefined;
  /** Full name of the message or package that the field is declared in. */
  readonly scope: string;
}

/** An enum with what rules ask about it. */
export interface VisitedEnum {
  readonly node: EnumNode;
  readonly fullName: string;
  readonly features: Features;
}

/** What is called for each declaration of a file, outer ones first. */
export interface Visitor {
  readonly message: (message: VisitedMessage) => void;
  readonly field: (field: VisitedField) => void;
  readonly enum: (item: VisitedEnum) => void;
  /** Every list of options: of files, messages, fields, enums, values, services and methods. */
  readonly options: (options: readonly OptionNode[]) => void;
}

/** Visits all declarations of the file of a context. */
export function visitFile(context: RuleContext, visitor: Visitor): void {
  const { tree, edition, packageName } = context.file;
  const options = tree.members.filter((member) => member.kind === 'option');
  visitor.options(options);
  const features = inheritFeatures(featuresOfEdition(edition), options);
  const walk = new Walk(visitor);
  for (const member of tree.members) {
    if (member.kind === 'message') walk.message(member, packageName, features);
    else if (member.kind === 'enum') walk.enum(member, packageName, features);
    else if (member.kind === 'extend') walk.extend(member, packageName, features);
    else if (member.kind === 'service') walk.service(member);
  }
}

class Walk {
  readonly #visitor: Visitor;

  constructor(visitor: Visitor) {
    this.#visitor = visitor;
  }

  message(node: MessageNode, scope: string, outer: Features): void {
    const options = node.members.filter((member) => member.kind === 'option');
    this.#visitor.options(options);
    const fullName = join(scope, node.name.text);
    const features = inheritFeatures(outer, options);
    const fields = this.#fieldsOf(node, fullName, features);
    this.#visitor.message({ node, fullName, features, fields });
    for (const field of fields) this.#field(field, fullName);
    for (const member of node.members) {
      if (member.kind === 'message') this.message(member, fullName, features);
      else if (member.kind === 'enum') this.enum(member, fullName, features);
      else if (member.kind === 'extend') this.extend(member, fullName, features);
      else if (member.kind === 'oneof' || member.kind === 'extensions') {
        this.#visitor.options(member.options);
      }
    }
  }

  enum(node: EnumNode, scope: string, outer: Features): void {
    this.#visitor.options(node.options);
    for (const value of node.values) this.#visitor.options(value.options);
    const features = inheritFeatures(outer, node.options);
    this.#visitor.enum({ node, fullName: join(scope, node.name.text), features });
  }

  extend(node: ExtendNode, scope: string, outer: Features): void {
    for (const field of node.fields) {
      const features = inheritFeatures(outer, field.options);
      const visited = { node: field, features, oneof: undefined, extend: node, scope };
      this.#field(visited, scope);
    }
  }

  service(node: ServiceNode): void {
    this.#visitor.options(node.options);
    for (const method of node.methods) this.#visitor.options(method.options);
  }

  #field(field: VisitedField, scope: string): void {
    this.#visitor.options(field.node.options);
    this.#visitor.field(field);
    if (field.node.group !== undefined) this.message(field.node.group, scope, field.features);
  }

  #fieldsOf(node: MessageNode, scope: string, outer: Features): VisitedField[] {
    const fields: VisitedField[] = [];
    const add = (field: FieldNode, oneof: OneofNode | undefined, features: Features): void => {
      const own = inheritFeatures(features, field.options);
      fields.push({ node: field, features: own, oneof, extend: undefined, scope });
    };
    for (const member of node.members) {
      if (member.kind === 'field') add(member, undefined, outer);
      if (member.kind !== 'oneof') continue;
      const features = inheritFeatures(outer, member.options);
      for (const field of member.fields) add(field, member, features);
    }
    return fields;
  }
}
