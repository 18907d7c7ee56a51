import { fileURLToPath } from 'node:url';

/** The repository's top folder. The same three levels up from `src` and from `dist`. */
export const REPOSITORY_ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(
  /\/$/,
  '',
);
