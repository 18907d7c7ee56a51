/** Looks into the control stream for one announcement: as many reads as there can be others. */
const LOOKS_MAX = 32;

/**
 * Reads on in the control stream until an announcement is there: a sender's announcements come
 * before the message that names them, but maybe behind many others.
 */
export function readUntilHeld(
  held: ReadonlyMap<number, unknown>,
  id: number,
  readControl: () => boolean,
): void {
  for (let looks = 0; looks < LOOKS_MAX && !held.has(id); looks++) {
    if (!readControl()) return;
  }
}
