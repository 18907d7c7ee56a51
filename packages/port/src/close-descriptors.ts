import { closeSync } from 'node:fs';

/** Closes descriptors that came with a message. */
export function closeDescriptors(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) closeSync(descriptor);
}
