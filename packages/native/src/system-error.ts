import { getSystemErrorName } from 'node:util';

/** A failed system call: what a PortError carries as its `cause`. Never sent to a peer. */
export interface SystemError extends Error {
  /** Symbolic name, for example `'EACCES'`. */
  readonly code: string;
  /** Positive errno. */
  readonly errno: number;
  /** Name of the call. */
  readonly syscall: string;
}

/** Makes an error of a negative result of the addon. */
export function systemError(syscall: string, result: number): SystemError {
  const code = errnoName(result);
  return Object.assign(new Error(`${syscall}: ${code}`), { code, errno: -result, syscall });
}

/** Symbolic name of a negative result of the addon, for example `'EAGAIN'`. */
export function errnoName(result: number): string {
  try {
    return getSystemErrorName(result);
  } catch {
    return `errno ${-result}`;
  }
}
