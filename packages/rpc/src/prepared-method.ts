import { PortError } from '@portcall/wire';

import type { AnyCodec } from './codec.js';
import { codecsOf, type MethodDefinition, type ServiceOptions } from './service-definition.js';

/** A method with what the run time derives from it once. */
export interface PreparedMethod {
  readonly definition: MethodDefinition;
  /** `package.Service/Method`. */
  readonly fullName: string;
  readonly request: AnyCodec;
  readonly response: AnyCodec;
  /** Bytes that the last messages took: what the next claim asks for. */
  requestHint: number;
  responseHint: number;
}

/**
 * Derives what calls of a method need. @throws PortError UNKNOWN_METHOD for a kind not built yet
 */
export function prepareMethod(service: ServiceOptions, method: MethodDefinition): PreparedMethod {
  const fullName = `${service.fullName}/${method.name}`;
  const { request, response } = codecsOf(method);
  return { definition: method, fullName, request, response, requestHint: 0, responseHint: 0 };
}

/**
 * Refuses a streaming method.
 *
 * @throws PortError UNKNOWN_METHOD when the method streams, which this version cannot
 */
export function requireUnary(method: PreparedMethod): void {
  if (method.definition.kind === 'unary') return;
  throw new PortError(
    'UNKNOWN_METHOD',
    `Cannot call ${method.fullName}: it is a ${method.definition.kind} method, and this ` +
      `version has only unary and oneway calls`,
    { method: method.fullName, executed: 'no' },
  );
}

/**
 * Holds a message against its method's limit.
 *
 * @throws PortError MESSAGE_TOO_LONG when the method's own limit is lower than the message
 */
export function checkLength(
  method: PreparedMethod,
  what: 'request' | 'response',
  bytes: number,
): void {
  const { maxRequestBytes, maxResponseBytes } = method.definition;
  const limit = what === 'request' ? maxRequestBytes : maxResponseBytes;
  if (limit === undefined || bytes <= limit) return;
  throw new PortError(
    'MESSAGE_TOO_LONG',
    `Cannot call ${method.fullName}: ${what} is ${bytes} bytes, the method's limit is ` +
      `${limit} bytes`,
    { method: method.fullName, executed: what === 'request' ? 'no' : 'yes' },
  );
}
