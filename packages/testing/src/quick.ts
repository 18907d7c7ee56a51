import { fileURLToPath } from 'node:url';

/** Path of the module with which quick threads of tests serve. */
export const QUICK_HANDLER = fileURLToPath(new URL('./programs/quick-handler.js', import.meta.url));

/** What that module does: the first byte of a request. */
export const QUICK_COMMAND = {
  ECHO: 0,
  WHO: 1,
  LATER: 2,
  CALL_BACK: 3,
  THROW: 4,
  CRASH: 5,
} as const;
