import { randomUUID } from 'node:crypto';

import { PortError, type PortEnd } from '@portcall/port';

import type { AuditEvent } from './audit-log.js';
import { decodeReply, encodeFrame } from './frame.js';

/** Records that wait for the monitor; with more nobody logs on. Source: NT's CrashOnAuditFail. */
const PENDING_MAX = 10_000;

interface Pending {
  readonly number: number;
  readonly data: Uint8Array;
  readonly isAttachment: boolean;
}

/**
 * What the authority has to tell the monitor's audit log.
 *
 * A datagram is gone when the monitor dies before it has written it down. So every record is kept
 * here until the monitor says that it is on disk, and is sent again to the next one.
 */
export class AuditJournal {
  /** Names this process in the log. */
  readonly source = `authority ${randomUUID()}`;
  #lastNumber = 0;
  #pending: readonly Pending[] = [];

  /** Number of the last record. */
  get lastNumber(): number {
    return this.#lastNumber;
  }

  /**
   * Takes a record.
   *
   * @param attachment travels by section
   * @throws PortError QUOTA_EXCEEDED
   */
  record(event: AuditEvent, attachment?: Uint8Array): void {
    if (this.#pending.length >= PENDING_MAX) {
      const text = `Cannot audit: ${PENDING_MAX} records wait for the monitor`;
      throw new PortError('QUOTA_EXCEEDED', text, { executed: 'no' });
    }
    const number = ++this.#lastNumber;
    const record = { source: this.source, number, at: new Date().toISOString(), ...event };
    const data = encodeFrame({ kind: 'audit', record }, attachment);
    const isAttachment = attachment !== undefined;
    this.#pending = [...this.#pending, { number, data, isAttachment }];
  }

  /** Sends what waits, in order, and asks what is on disk then. @throws PortError as `request` */
  async deliver(monitor: PortEnd, timeoutMs: number): Promise<void> {
    let batch: Uint8Array[] = [];
    for (const { data, isAttachment } of this.#pending) {
      if (!isAttachment) {
        batch.push(data);
        continue;
      }
      await monitor.sendBatch(batch);
      batch = [];
      await monitor.send(data, { mode: 'section' });
    }
    await monitor.sendBatch(batch);
    const { source } = this;
    const reply = await monitor.request(encodeFrame({ kind: 'commit', source }), { timeoutMs });
    const onDisk = decodeReply<{ number: number }>(reply).number;
    this.#pending = this.#pending.filter(({ number }) => number > onDisk);
  }
}
