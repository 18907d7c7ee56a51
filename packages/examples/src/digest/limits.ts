/** A file travels as one message: limits far above the usual 4 MiB, stated on both sides. */
export const DIGEST_ATTRIBUTES = {
  maxMessageLength: 1024 * 1024 * 1024,
  maxSectionSize: 1024 * 1024 * 1024,
  maxTotalSectionSize: 1024 * 1024 * 1024,
} as const;
