/** Connections of one port. Source: `port.md` 3. */
export const CONNECTIONS_MAX = 1024;

/** Connections of one user to one port. Source: `port.md` 3. */
export const CONNECTIONS_PER_UID_MAX = 256;

/** Sockets of one user that have not finished the handshake. Source: `port.md` 3. */
export const PENDING_CONNECTS_MAX = 16;

/** How long a handshake may take, in milliseconds. Source: `port.md` 3. */
export const HANDSHAKE_TIMEOUT_MS = 5000;

/** Requests of one connection whose replies are outstanding. Source: `rpc.md`, "Limits". */
export const PENDING_REQUESTS_MAX = 1024;

/** Longest delay that a Node timer can wait, in milliseconds; longer deadlines are cut to it. */
export const TIMEOUT_MS_MAX = 0x7fffffff;
