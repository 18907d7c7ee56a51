import type { OptionNode } from '../syntax/tree.js';

/** The features that rules ask for, each as the name of its value in descriptor.proto. */
export interface Features {
  readonly field_presence: string;
  readonly enum_type: string;
  readonly repeated_field_encoding: string;
  readonly message_encoding: string;
  readonly json_format: string;
}

const PROTO2: Features = {
  field_presence: 'EXPLICIT',
  enum_type: 'CLOSED',
  repeated_field_encoding: 'EXPANDED',
  message_encoding: 'LENGTH_PREFIXED',
  json_format: 'LEGACY_BEST_EFFORT',
};

const PROTO3: Features = {
  field_presence: 'IMPLICIT',
  enum_type: 'OPEN',
  repeated_field_encoding: 'PACKED',
  message_encoding: 'LENGTH_PREFIXED',
  json_format: 'ALLOW',
};

/** Features that a file starts with. Source: `edition_defaults` in descriptor.proto. */
export function featuresOfEdition(edition: string): Features {
  if (edition === 'proto2') return PROTO2;
  return edition === 'proto3' ? PROTO3 : { ...PROTO3, field_presence: 'EXPLICIT' };
}

/** Features of a declaration inside one with the features `outer`: its own options win. */
export function inheritFeatures(outer: Features, options: readonly OptionNode[]): Features {
  const own: Record<string, string> = {};
  for (const { name, value } of options) {
    const [first, second] = name;
    if (first?.text !== 'features' || first.isExtension) continue;
    if (second !== undefined && value.kind === 'identifier') own[second.text] = value.text;
    if (second !== undefined || value.kind !== 'aggregate') continue;
    for (const entry of value.fields) {
      if (entry.value.kind === 'identifier') own[entry.name.text] = entry.value.text;
    }
  }
  return Object.keys(own).length === 0 ? outer : { ...outer, ...own };
}
