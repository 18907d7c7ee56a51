/** Requests of one connection whose replies are outstanding. Source: `rpc.md`, "Limits". */
export const PENDING_REQUESTS_MAX = 1024;

/** Longest delay that a Node timer can wait, in milliseconds; longer deadlines are cut to it. */
export const TIMEOUT_MS_MAX = 0x7fffffff;
