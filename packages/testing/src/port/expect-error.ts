import { expect } from 'vitest';

import { isPortError, type PortError, type StatusCode } from '@portcall/port';

import { quiet, rejectionOf } from '../wait-until.js';

/** Expects that a promise rejects with a PortError of this code, and gives the error. */
export function expectCode(promise: Promise<unknown>, code: StatusCode): Promise<PortError> {
  const rejection = rejectionOf(`a rejection with ${code}`, promise);
  return quiet(rejection.then((error) => checkCode(error, code)));
}

/** Expects that a function throws a PortError of this code, and gives the error. */
export function expectThrownCode(run: () => unknown, code: StatusCode): PortError {
  try {
    run();
  } catch (error) {
    return checkCode(error, code);
  }
  throw new Error(`Expected a throw with ${code}, and there was none`);
}

function checkCode(error: unknown, code: StatusCode): PortError {
  if (!isPortError(error)) throw error;
  expect(`${error.code}: ${error.message}`).toContain(`${code}: `);
  return error;
}
