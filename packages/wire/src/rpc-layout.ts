/*
 * What rpc puts at the start of a message's data. Little-endian, 8-byte aligned.
 *
 *   request:  0              2        4          8           12               16
 *             +--------------+--------+----------+-----------+----------------+----------+---------
 *             | interface    | kind   | methodId | timeoutMs | metadataLength | metadata | message…
 *             +--------------+--------+----------+-----------+----------------+----------+---------
 *   reply:    0              4                8
 *             +--------------+----------------+----------+-----------------------------------------
 *             | outcome      | metadataLength | metadata | message, or an error (outcome ≠ 0) …
 *             +--------------+----------------+----------+-----------------------------------------
 *
 * `metadataLength` counts padding to a multiple of 8. `timeoutMs` is what remains of the caller's
 * deadline, 0 for none. `outcome` is a gRPC status code, 0 for success.
 */

/** Bytes before the metadata of a request. */
export const RPC_REQUEST_HEADER_BYTES = 16;

/** Bytes before the metadata of a reply. */
export const RPC_REPLY_HEADER_BYTES = 8;

/** Offsets of the fields of an rpc request header, in bytes. */
export const RPC_REQUEST_OFFSET = {
  INTERFACE: 0,
  KIND: 2,
  METHOD_ID: 4,
  TIMEOUT_MS: 8,
  METADATA_LENGTH: 12,
} as const;

/** Offsets of the fields of an rpc reply header, in bytes. */
export const RPC_REPLY_OFFSET = { OUTCOME: 0, METADATA_LENGTH: 4 } as const;

/** What an rpc request asks for. */
export const RPC_KIND = {
  /** Call the method `methodId` of the bound interface number `interface`. */
  CALL: 0,
  /** Bind interfaces: the data is a list of 40-byte items, the reply a list of 8-byte results. */
  BIND: 1,
} as const;

/*
 * bind item:    uuid 16 bytes | major u16 | minor u16 | 0 u32 | fingerprint 16 bytes
 * bind result:  status u16 | interface u16 | server's minor u16 | flags u16 (1: fingerprints
 * differ)
 */

/** Bytes of one interface in a BIND request. */
export const BIND_ITEM_BYTES = 40;

/** Bytes of one answer in a BIND reply. */
export const BIND_RESULT_BYTES = 8;

/** Interfaces in one BIND request; the reply to more would be of no use to a generated client. */
export const BIND_ITEMS_MAX = 256;
