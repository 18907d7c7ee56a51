import { compile, type CompileOptions } from './compile.js';
import { IdlError } from './diagnostics/idl-error.js';
import type { Finding } from './diagnostics/findings.js';

/**
 * Checks `.proto` files as `generate` does, without generating. Returns the findings; none is
 * good.
 */
export function check(options: CompileOptions): readonly Finding[] {
  try {
    compile(options);
    return [];
  } catch (error) {
    if (error instanceof IdlError) return error.findings;
    throw error;
  }
}
