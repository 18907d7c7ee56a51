export { generate, type GenerateOptions, type GenerateResult } from './generate.js';
export { check } from './check.js';
export { IdlError } from './diagnostics/idl-error.js';
export type { Finding } from './diagnostics/findings.js';
export { formatFinding } from './diagnostics/format-finding.js';

export { compile, type Compiled, type CompileOptions } from './compile.js';
export type { MethodKind, MethodModel, ServiceModel } from './emit/service-model.js';
export { SERVICE_UUID_NAMESPACE } from './emit/identity.js';
