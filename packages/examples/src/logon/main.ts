// NT's log-on as three processes: Winlogon, the Local Security Authority, the reference monitor.
// Usage: node main.js [--json] [--folder DIR] [--uid N]
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { isPortError } from '@portcall/port';

import { checkAudit } from './audit-check.js';
import { parseAuditLog } from './audit-log.js';
import { isAsExpected, reportText } from './report.js';
import { Script } from './script.js';
import { Stage, type JournalFacts } from './stage.js';
import { people } from './users.js';
import type { World } from './world.js';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** Is made, and stays. Default: a temporary one. */
    folder: { type: 'string' },
    /** Runs Winlogon as this user and group; for root. */
    uid: { type: 'string' },
  },
});

try {
  process.exitCode = await run();
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  console.error(`\nlogon: ${isPortError(error) ? `${error.code}: ` : ''}${text}`);
  process.exitCode = 2;
}

async function run(): Promise<number> {
  const folder = makeFolder(values.folder);
  try {
    const world = worldOf(folder, values.uid);
    const { script, journal, pids } = await play(world);
    const { rows } = script;
    const records = parseAuditLog(readFileSync(join(folder, 'audit.jsonl'), 'utf8'));
    const audit = checkAudit(records, journal);
    if (values.json) console.log(JSON.stringify({ world, pids, rows, audit }));
    else console.log(reportText(rows, audit));
    return rows.every(isAsExpected) && audit.faults.length === 0 ? 0 : 1;
  } finally {
    if (values.folder === undefined) rmSync(folder, { recursive: true });
  }
}

/** What the processes were. */
interface Pids {
  readonly monitors: readonly number[];
  readonly authority: number;
  readonly winlogon: number;
}

async function play(
  world: World,
): Promise<{ readonly script: Script; readonly journal: JournalFacts; readonly pids: Pids }> {
  const users = people();
  await using stage = await Stage.open(world, Object.values(users));
  const script = new Script(stage, world, users);
  await script.run();
  const { monitorPids: monitors, authority, winlogon } = stage;
  const pids = { monitors, authority: authority.pid, winlogon: winlogon.pid };
  return { script, journal: await stage.journal(), pids };
}

/** Winlogon may enter, to reach what is its own. */
function makeFolder(wanted: string | undefined): string {
  const folder = wanted === undefined ? mkdtempSync(join(tmpdir(), 'logon-')) : resolve(wanted);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o711);
  return folder;
}

/** A session's ports are for one user alone: for Winlogon as another one they are the system's. */
function worldOf(folder: string, uid: string | undefined): World {
  const server = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const client = uid === undefined ? server : { uid: Number(uid), gid: Number(uid) };
  const prefix = uid === undefined ? '' : 'system:';
  const name = `${prefix}examples/logon-${process.pid}`;
  return {
    monitorPort: `${name}/monitor`,
    authorityPort: `${name}/authority`,
    folder,
    server,
    client,
  };
}
