import { isPortError } from '@portcall/wire';

import type { LinkEnd, LinkHandler } from '../../src/contract.js';

/** Notes what a link calls. */
export class Recorder implements LinkHandler {
  readonly records: number[][] = [];
  readonly ends: LinkEnd[] = [];
  writable = 0;
  /** Runs for each record, after it was noted. */
  onEach: (() => void) | undefined;

  onRecord(bytes: Uint8Array, view: DataView, offset: number, lengthBytes: number): void {
    if (offset + lengthBytes > bytes.length) throw new Error('the record is outside its buffer');
    if (view.byteLength !== bytes.length || view.byteOffset !== bytes.byteOffset) {
      throw new Error('the view is of another range');
    }
    this.records.push([...bytes.subarray(offset, offset + lengthBytes)]);
    this.onEach?.();
  }

  onWritable(): void {
    this.writable++;
  }

  onEnd(end: LinkEnd): void {
    this.ends.push(end);
  }
}

/** Code of the PortError that an action throws, else what it threw, else nothing. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return isPortError(error) ? error.code : `not a PortError: ${String(error)}`;
  }
  return 'nothing thrown';
}
