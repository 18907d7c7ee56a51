import { isPortError } from '@portcall/wire';

/** Code of the PortError that an action throws, else what it threw, else nothing. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return isPortError(error) ? error.code : `not a PortError: ${String(error)}`;
  }
  return 'nothing thrown';
}
