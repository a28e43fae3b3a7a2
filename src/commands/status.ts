import type { AuditEntry } from '../access/audit.js';
import type { ProfileState } from '../sessions/profile-state.js';
import type { SignInState } from '../sessions/sign-in.js';
import type { Command, CommandContext } from './command.js';
import { withDaemonOf } from './connect.js';
import { signInErrors, signInTable } from './sign-in-table.js';
import { printable, table, until } from './words.js';

interface Status {
  pid: number;
  store: { kind?: string; reason?: string; problem?: string };
  /** What is wrong with the computer's clock. */
  clock?: string;
  problems: string[];
  /** What of the daemon's own files cannot be written. */
  unwritten: string[];
  /** How many there are in the person's files. */
  profiles: number;
  sessions: SessionState[];
  signIns: SignInState[];
}

interface SessionState extends ProfileState {
  lastUse?: AuditEntry;
}

export const command: Command = {
  usage: 'status [--json]',
  help: 'Shows what the daemon holds: sessions, when they end and are renewed, and what failed last.',
  takes: [0, 0],
  options: { json: { type: 'boolean', help: 'for a program; times in milliseconds since the epoch' } },
  async run({ values, env, stdout }) {
    await withDaemonOf(env, async (daemon) => {
      const status = await daemon.ask<Status>('GET', '/api/status');
      const running = status.pid !== process.pid;
      if (values.json)
        stdout.write(
          `${JSON.stringify({ running, url: running ? daemon.url : null, ...status }, null, 2)}\n`,
        );
      else print(status, running ? daemon.url : undefined, stdout);
    });
    return 0;
  },
};

function print(
  { pid, store, clock, problems, unwritten, profiles, sessions, signIns }: Status,
  url: string | undefined,
  out: CommandContext['stdout'],
): void {
  out.write(
    url ? `credd runs at ${url}, process ${pid}\n` : 'No daemon is running. Start one: credd serve\n',
  );
  if (store.reason) out.write(`Store: ${store.reason}\n`);
  if (store.problem && !store.reason?.includes(store.problem))
    out.write(`The store failed when it was last used: ${printable(store.problem)}\n`);
  if (clock) out.write(`${clock}\n`);
  for (const problem of problems) out.write(`The last good state goes on: ${printable(problem)}\n`);
  for (const problem of unwritten) out.write(`Beware: ${printable(problem)}\n`);
  if (profiles === 0) out.write('There are no profiles yet. To write the first, type: credd setup\n');
  const now = Date.now();
  if (signIns.length > 0) out.write(`\n${signInTable(signIns, now)}${signInErrors(signIns, now)}`);
  if (!url || profiles === 0) return;
  if (sessions.length === 0)
    return void out.write('\nNo profile has been asked for yet. Try: credd whoami PROFILE\n');
  out.write(
    `\n${table(
      ['PROFILE', 'STATE', 'EXPIRES', 'RENEWS', 'ASKED', 'LAST TAKEN BY', 'CREDENTIALS'],
      sessions.map((it) => row(it, now)),
    )}`,
  );
  const errors = distinctErrors(sessions);
  if (errors.length > 0) out.write('\nLast errors:\n');
  for (const { at, message } of errors) out.write(`  ${until(at, now)}: ${printable(message)}\n`);
}

/** What is the same for several profiles but for their names is said once. */
function distinctErrors(sessions: readonly SessionState[]) {
  const errors = new Map<string, { at: number; message: string }>();
  for (const { profile, lastError } of sessions) {
    const kind = lastError?.message.replaceAll(profile, '');
    if (lastError && kind !== undefined && !errors.has(kind)) errors.set(kind, lastError);
  }
  return [...errors.values()];
}

/** What a person is waited for. */
const NEEDED: Record<string, string> = {
  SsoLoginRequired: 'sign-in needed',
  MfaRequired: 'MFA code needed',
  LoginRequired: 'console login needed',
};

function row(
  { profile, state, expiresAt, renewsAt, lastAskedAt, lastUse, lastError, source }: SessionState,
  now: number,
): string[] {
  const when = (time: number | undefined) => (time === undefined ? '-' : until(time, now));
  return [
    printable(profile),
    (state === 'failed' && NEEDED[lastError?.code ?? '']) || state,
    when(expiresAt),
    when(renewsAt),
    when(lastAskedAt),
    lastUse ? printable(takerOf(lastUse)) : '-',
    printable(source),
  ];
}

function takerOf({ program, pid, uid, agent }: AuditEntry): string {
  if (program) return `${program} (${pid})`;
  return agent ?? (uid === undefined ? 'not known' : `uid ${uid}`);
}
