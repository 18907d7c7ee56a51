/* The log-on example as it runs: three processes, and what the audit log says afterwards. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { transportsUnderTest } from '@portcall/testing';

const main = fileURLToPath(new URL('../dist/logon/main.js', import.meta.url));

const shmReason = transportsUnderTest().find(({ name }) => name === 'shm')?.skipReason;
const isRoot = process.geteuid?.() === 0;
const userReason = isRoot ? shmReason : 'needs root, who can run Winlogon as another user';
const groupReason = isRoot ? undefined : 'needs root, who can change the group of a process';

/** Nobody's: no such user is needed. */
const OTHER_UID = 64_001;

interface Who {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

interface AuditLine {
  readonly source: string;
  readonly number: number;
  readonly at: string;
  readonly event: string;
  readonly [detail: string]: unknown;
}

interface Report {
  readonly pids: {
    readonly monitors: number[];
    readonly authority: number;
    readonly winlogon: number;
  };
  readonly rows: { title: string; outcome: string; expected: string; detail: string }[];
  readonly audit: { readonly faults: string[] };
}

/** One run of the example with everything that it left. */
class Run {
  code = -1;
  stderr = '';
  report!: Report;
  logText = '';
  log: AuditLine[] = [];
  readonly parent = mkdtempSync(join(tmpdir(), 'logon-'));
  readonly folder = join(this.parent, 'data');
  readonly runtime = join(this.parent, 'run');

  async start(args: readonly string[] = []): Promise<void> {
    // Winlogon as another user has to get through.
    chmodSync(this.parent, 0o755);
    const env = {
      ...process.env,
      PORTCALL_RUNTIME_DIR: this.runtime,
      PORTCALL_SYSTEM_DIR: this.runtime,
    };
    const all = [main, '--json', '--folder', this.folder, ...args];
    const stdout = await new Promise<string>((resolve) => {
      execFile(process.execPath, all, { env }, (error, out, stderr) => {
        this.code = error === null ? 0 : Number(error.code);
        this.stderr = stderr;
        resolve(out);
      });
    });
    if (stdout === '') throw new Error(this.stderr);
    this.report = JSON.parse(stdout) as Report;
    this.logText = this.read('audit.jsonl').toString();
    const lines = this.logText.trimEnd().split('\n');
    this.log = lines.map((line) => JSON.parse(line) as AuditLine);
  }

  read(...path: string[]): Buffer {
    return readFileSync(join(this.folder, ...path));
  }

  row(title: string): Report['rows'][number] | undefined {
    return this.report.rows.find((row) => row.title === title);
  }

  /** Records with these details, without what differs from run to run. */
  find(details: Record<string, unknown>): AuditLine[] {
    return this.log.filter((line) => {
      return Object.entries(details).every(([name, value]) => line[name] === value);
    });
  }

  remove(): void {
    rmSync(this.parent, { recursive: true });
  }
}

describe.skipIf(shmReason !== undefined)(`the log-on example ${shmReason ?? ''}`, () => {
  const run = new Run();
  const own = { uid: process.geteuid?.(), gid: process.getegid?.() };

  beforeAll(() => run.start());
  afterAll(() => run.remove());

  it('goes as it should, and leaves nothing in the runtime directory', () => {
    expect(run.report.rows.filter(({ outcome, expected }) => outcome !== expected)).toEqual([]);
    expect(run.report.audit.faults).toEqual([]);
    expect(run.stderr).toBe('');
    expect(run.code).toBe(0);
    expect(readdirSync(run.runtime)).toEqual([]);
  });

  it('calls back for the password, and for the card of who has one', () => {
    expect(run.row('guest logs on')?.detail).toContain('asked for password;');
    expect(run.row('ada logs on with her card')?.detail).toContain('asked for password, card;');
  });

  it('says the same of a wrong password and of an unknown user', () => {
    const wrong = run.row('wrong password');
    expect(wrong).toMatchObject({ outcome: 'denied' });
    expect(run.row('unknown user')?.detail).toBe(wrong?.detail);
  });

  it('ends the callback when the deadline of the log-on has passed', () => {
    expect(run.row('user gone for coffee')?.outcome).toBe('TIMEOUT');
    const [abandoned, ...more] = run.find({ event: 'log-on abandoned' });
    expect(more).toEqual([]);
    expect(abandoned?.user).toBe('brian');
    expect(['TIMEOUT', 'CANCELED']).toContain(abandoned?.text);
  });

  it('shows the monitor who calls, and beside it for whom', () => {
    const { authority, winlogon } = run.report.pids;
    for (const [user, right, granted] of [
      ['guest', 'read', false],
      ['brian', 'read', true],
      ['brian', 'write', false],
      ['ada', 'write', true],
    ]) {
      const [line] = run.find({ event: 'access', object: 'payroll', user, right });
      expect(line).toMatchObject({
        granted,
        caller: { pid: authority, ...own },
        onBehalfOf: { pid: winlogon, ...own },
      });
    }
  });

  it('refuses a client that says for whom it acts and may not', () => {
    const [line, ...more] = run.find({ event: 'impersonation refused' });
    expect(more).toEqual([]);
    expect(line?.caller).toMatchObject({ pid: run.report.pids.winlogon });
    expect(line?.onBehalfOf).toMatchObject({ pid: 1 });
  });

  it('decides once for one security context', () => {
    const question = { event: 'access', user: 'brian', object: 'payroll', right: 'read' };
    expect(run.find(question).map(({ isCached }) => isCached)).toEqual([false, true]);
  });

  it.skipIf(groupReason !== undefined)(
    `decides again when the context has changed ${groupReason ?? ''}`,
    () => {
      const lines = run.find({ event: 'access', object: 'cellar' });
      expect(lines).toMatchObject([
        { granted: true, isCached: false, caller: own },
        { granted: true, isCached: true, caller: own },
        { granted: false, isCached: false, caller: { gid: 64_002 } },
      ]);
      expect(lines.map(({ onBehalfOf }) => onBehalfOf)).toEqual([undefined, undefined, undefined]);
    },
  );

  it('has every record once, also those that a dying monitor never read', () => {
    const { monitors } = run.report.pids;
    const starts = run.find({ event: 'monitor started' });
    expect(starts.map(({ source }) => source)).toEqual(monitors.map((pid) => `monitor ${pid}`));
    expect(monitors).toHaveLength(2);
    // Wrong password, coffee, and the one during which the monitor died.
    const begun = run.find({ event: 'log-on begun', user: 'brian' });
    expect(begun).toHaveLength(3);
    const [last, second] = [begun[2]!, starts[1]!];
    expect(last.at < second.at).toBe(true);
    expect(run.log.indexOf(last)).toBeGreaterThan(run.log.indexOf(second));
  });

  it('writes the log into the file that Winlogon opened', () => {
    const exported = run.read('desk', 'export.jsonl').toString();
    expect(exported).not.toBe('');
    expect(run.logText.startsWith(exported)).toBe(true);
    expect(run.row('ada exports the audit log')?.detail).toBe(
      `the monitor wrote ${exported.length} bytes into our file`,
    );
    expect(run.read('desk', 'brian.jsonl').toString()).toBe('');
  });

  it('gets the evidence of failed log-ons by section', () => {
    const lines = run.log.filter(({ sha256 }) => sha256 !== undefined);
    expect(lines.map(({ event }) => event)).toEqual([
      'log-on failed',
      'log-on failed',
      'log-on failed',
      'log-on abandoned',
    ]);
    for (const { sha256, sizeBytes, mode } of lines) {
      expect(mode).toBe('section');
      const evidence = run.read('attachments', String(sha256));
      expect(evidence).toHaveLength(Number(sizeBytes));
      expect(createHash('sha256').update(evidence).digest('hex')).toBe(sha256);
      expect(evidence.toString()).toContain(`Pid:\t${run.report.pids.winlogon}\n`);
    }
  });

  it('ends the session of a process that has gone', () => {
    expect(run.log.at(-1)).toMatchObject({
      event: 'log-off',
      user: 'ada',
      text: `process ${run.report.pids.winlogon}: its process has gone`,
    });
  });

  it('stores nothing that lets anybody log on', () => {
    const rows = JSON.parse(run.read('users.json').toString()) as Record<string, unknown>[];
    const secrets = rows.map((row) => Object.keys(row).toSorted().join());
    const plain = 'groups,hash,salt,user';
    expect(secrets).toEqual([`card,${plain}`, plain, plain]);
    expect(rows[0]?.card).toContain('BEGIN PUBLIC KEY');
  });
});

describe.skipIf(userReason !== undefined)(`the log-on of another user ${userReason ?? ''}`, () => {
  const run = new Run();

  beforeAll(async () => {
    mkdirSync(run.runtime, { mode: 0o755 });
    await run.start(['--uid', String(OTHER_UID)]);
  });
  afterAll(() => run.remove());

  it('shows the monitor two users, and never one made of both', () => {
    expect(run.code).toBe(0);
    const checks = run.find({ event: 'access' }).filter((line) => line.onBehalfOf !== undefined);
    expect(checks.length).toBeGreaterThan(0);
    for (const line of checks) {
      expect(line.caller as Who).toMatchObject({ uid: 0, gid: 0 });
      expect(line.onBehalfOf as Who).toMatchObject({ uid: OTHER_UID, gid: OTHER_UID });
    }
    const [exported] = run.find({ object: 'audit-log', user: 'ada' });
    expect(exported?.caller).toMatchObject({ uid: OTHER_UID });
    expect(readdirSync(run.runtime)).toEqual([]);
  });
});
