import { create, fromBinary } from '@bufbuild/protobuf';
import {
  type MethodDescriptorProto,
  MethodDescriptorProtoSchema,
  MethodOptionsSchema,
  type ServiceDescriptorProto,
  ServiceDescriptorProtoSchema,
  ServiceOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import type { MethodNode, ServiceNode } from '../syntax/tree.js';
import { MESSAGE_KINDS, resolveTypeName } from './convert-field.js';
import type { Conversion, Place } from './conversion.js';
import { join } from './names.js';

/** Field number of `ServiceDescriptorProto.method`, for paths. */
const METHOD_PATH = 2;

/** Converts a service; `place.path` is that of the service, `place.scope` the package. */
export function convertService(
  node: ServiceNode,
  place: Place,
  conversion: Conversion,
): ServiceDescriptorProto {
  const service = create(ServiceDescriptorProtoSchema, { name: node.name.text });
  conversion.locations.add(place.path, node);
  const scope = join(place.scope, node.name.text);
  for (const [index, method] of node.methods.entries()) {
    const path = [...place.path, METHOD_PATH, index];
    service.method.push(convertMethod(method, { scope, path }, conversion));
  }
  if (node.options.length > 0) {
    conversion.pending.push({
      file: conversion.file,
      scope,
      message: 'ServiceOptions',
      nodes: node.options,
      assign: (bytes) => {
        service.options = fromBinary(ServiceOptionsSchema, bytes);
      },
    });
  }
  return service;
}

function convertMethod(
  node: MethodNode,
  place: Place,
  conversion: Conversion,
): MethodDescriptorProto {
  const at = { place, conversion, wanted: MESSAGE_KINDS };
  const method = create(MethodDescriptorProtoSchema, {
    name: node.name.text,
    inputType: resolveTypeName(node.input.type, at)?.typeName ?? '',
    outputType: resolveTypeName(node.output.type, at)?.typeName ?? '',
  });
  if (node.input.stream) method.clientStreaming = true;
  if (node.output.stream) method.serverStreaming = true;
  conversion.locations.add(place.path, node);
  if (node.options.length > 0) {
    conversion.pending.push({
      file: conversion.file,
      scope: join(place.scope, node.name.text),
      message: 'MethodOptions',
      nodes: node.options,
      assign: (bytes) => {
        method.options = fromBinary(MethodOptionsSchema, bytes);
      },
    });
  }
  return method;
}
