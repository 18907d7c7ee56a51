/** gRPC status codes, as numbers. Source: gRPC's `statuscodes.md`. */
export const Status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** One of {@link Status}. */
export type Status = (typeof Status)[keyof typeof Status];

const NAME_BY_CODE = new Map<number, string>(
  Object.entries(Status).map(([name, code]) => [code, name]),
);

/** Name of a gRPC status code, for messages. */
export function statusName(code: number): string {
  return NAME_BY_CODE.get(code) ?? `status ${code}`;
}
