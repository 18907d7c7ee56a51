import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';

import type { Who } from './world.js';

/** Something that happened. */
export interface AuditEvent {
  /** Such as 'log-on'. */
  readonly event: string;
  readonly user?: string;
  readonly text?: string;
  /** The process that did it. */
  readonly caller?: Who;
  /** The process that it was done for. */
  readonly onBehalfOf?: Who;
  readonly object?: string;
  readonly right?: string;
  readonly granted?: boolean;
  readonly isCached?: boolean;
  /** Of an attachment. */
  readonly sha256?: string;
  readonly sizeBytes?: number;
  /** How the attachment travelled. */
  readonly mode?: 'section' | 'inline';
}

/** An event as it stands in the log. */
export interface AuditRecord extends AuditEvent {
  /** Who numbers it; the numbers of a source begin with 1 and have no gap. */
  readonly source: string;
  readonly number: number;
  /** When it happened, ISO 8601. */
  readonly at: string;
}

/**
 * The audit log: a file that only grows, one record of JSON in a line.
 *
 * *Owner*: whoever made it. A record that is there already is left out, so that a sender who does
 * not know whether one arrived sends it again.
 */
export class AuditLog implements Disposable {
  readonly #descriptor: number;
  readonly #path: string;
  readonly #lastNumbers = new Map<string, number>();

  /** Goes on with the log that a process before this one has left. */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(path, 'a+', 0o600);
    const content = readFileSync(path);
    // A crash of the machine can leave half a record at the end; nobody was told that it is there.
    const wholeBytes = content.lastIndexOf('\n') + 1;
    if (wholeBytes < content.length) ftruncateSync(this.#descriptor, wholeBytes);
    for (const record of parseAuditLog(content.subarray(0, wholeBytes).toString())) {
      this.#lastNumbers.set(record.source, record.number);
    }
  }

  /** Number of a source's last record; 0 when it has none. */
  lastNumber(source: string): number {
    return this.#lastNumbers.get(source) ?? 0;
  }

  /** Appends a record, unless it is there. */
  append(record: AuditRecord): void {
    const { source, number } = record;
    if (number <= this.lastNumber(source)) return;
    writeSync(this.#descriptor, `${JSON.stringify(record)}\n`);
    this.#lastNumbers.set(source, number);
  }

  /** Whatever was appended survives a crash of the machine as well. */
  sync(): void {
    fdatasyncSync(this.#descriptor);
  }

  /** Copies the log into another file. @returns how many bytes it has */
  copyTo(descriptor: number): number {
    const content = readFileSync(this.#path);
    for (let at = 0; at < content.length;) at += writeSync(descriptor, content, at);
    return content.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** As `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** The records of a log's text. */
export function parseAuditLog(text: string): AuditRecord[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as AuditRecord);
}
