import type { Driver } from '../subjects/subject.js';

/** One reply in this many is compared byte for byte; a power of two. */
const CHECK_EVERY = 64;

/** Whether the reply with this number is one of the sample. */
export function isSampled(callNumber: number): boolean {
  return (callNumber & (CHECK_EVERY - 1)) === 0;
}

/** @throws Error when a reply does not have the request's payload */
export function checkReply(driver: Driver, reply: unknown, sent: Uint8Array): void {
  const got = driver.payloadOf(reply);
  if (Buffer.compare(got, sent) === 0) return;
  throw new Error(
    `Cannot trust ${driver.name}: a reply's payload of ${got.length} bytes is not the ` +
      `${sent.length} bytes that were sent`,
  );
}
