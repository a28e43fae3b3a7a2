import { userInfo } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { type AuditEntry, type AuditGap, VENDED } from '../access/audit.js';
import { findPaths, type Paths } from '../system/paths.js';
import { linesOf } from '../system/rotated-file.js';
import { type Command, text } from './command.js';
import { connectToRunning, findDaemon } from './connect.js';
import { printable, table } from './words.js';

type Line = AuditEntry | AuditGap;

const LOOK_EVERY = 300;
const SHOWN_BEFORE = 10;
const ROOT = 0;

export const command: Command = {
  usage: 'audit [--follow] [--profile PROFILE] [--json]',
  help: `Shows who took which credentials, and who was refused: the newest last.
Of a program that asks many times within a second there is one line, with a count.`,
  takes: [0, 0],
  options: {
    follow: { type: 'boolean', help: 'go on with what happens from now on, until Ctrl-C' },
    profile: { type: 'string', value: 'PROFILE', help: 'of this profile alone' },
    json: { type: 'boolean', help: 'a JSON object a line; times in milliseconds since the epoch' },
  },
  async run({ values, env, stdout }) {
    const paths = findPaths(env);
    const { follow = false, json = false } = values;
    await bringUpToDate(paths, follow === true);
    const profile = text(values.profile);
    const wanted = (line: Line) => profile === undefined || ('outcome' in line && line.profile === profile);
    let isFirst = true;
    for await (const texts of linesOf(paths.audit)) {
      const lines = texts.flatMap(parsed).filter(wanted);
      const shown = follow && isFirst ? lines.slice(-SHOWN_BEFORE) : lines;
      if (json) stdout.write(shown.map((line) => `${JSON.stringify(line)}\n`).join(''));
      else if (shown.length > 0 || isFirst) stdout.write(asTable(shown, isFirst));
      if (!follow || !stdout.writable) break;
      isFirst = false;
      await setTimeout(LOOK_EVERY);
    }
    return 0;
  },
};

/** What happened within the last second is still in the daemon's memory. */
async function bringUpToDate(paths: Paths, follow: boolean): Promise<void> {
  const daemon = await (follow ? connectToRunning({ paths }) : findDaemon({ paths }));
  await daemon?.ask('POST', '/api/audit/flush').finally(() => daemon.close());
}

/** A line may be torn where a disk was full, and another may be anything. */
function parsed(text: string): Line[] {
  try {
    const line = JSON.parse(text);
    return isLine(line) ? [line] : [];
  } catch {
    return [];
  }
}

const NUMBERS = ['count', 'uid', 'pid'];
const WORDS = ['profile', 'lease', 'program', 'agent'];

function isLine(line: Record<string, unknown>): boolean {
  const are = (type: string, names: string[]) =>
    names.every((name) => line[name] === undefined || typeof line[name] === type);
  if (!Number.isFinite(new Date(line.time as number).getTime())) return false;
  return typeof line.outcome === 'string'
    ? are('number', NUMBERS) && are('string', WORDS)
    : Number.isFinite(line.lost);
}

function asTable(lines: readonly Line[], withHeadings: boolean): string {
  const headings = ['TIME', 'PROFILE', 'OUTCOME', 'TIMES', 'USER', 'PROGRAM', 'LEASE', 'CLIENT'];
  const least = [19, 12, 12, 5, 8, 16, 12, 0];
  const padded = headings.map((heading, column) => heading.padEnd(least[column] ?? 0));
  const text = table(padded, lines.map(row));
  return withHeadings ? text : text.slice(text.indexOf('\n') + 1);
}

function row(line: Line): string[] {
  const time = new Date(line.time).toLocaleString('sv-SE');
  if (!('outcome' in line)) return [time, '-', `${line.lost} more were not written down`];
  const { profile = '-', outcome, count = 1, uid, pid, program = '-', lease = '-', agent = '' } = line;
  return [
    time,
    profile,
    outcome === VENDED ? 'vended' : outcome,
    `${count}`,
    userName(uid),
    pid === undefined ? program : `${program} (${pid})`,
    lease,
    agent,
  ].map(printable);
}

function userName(uid: number | undefined): string {
  if (uid === undefined) return '-';
  const own = userInfo();
  if (uid === own.uid) return own.username;
  return uid === ROOT ? 'root' : `uid ${uid}`;
}
