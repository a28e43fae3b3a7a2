import './clean-environment.js';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Test } from 'tap';
import { startDaemon } from '../../src/daemon.js';
import { type SimulatedAws, startSimulatedAws } from '../../src/demo/aws.js';
import { readSettings } from '../../src/settings.js';
import { systemClock } from '../../src/system/clock.js';
import { ask, type RawAnswer } from './raw-http.js';

export const OWNER_TOKEN = 'owner-token-of-the-tests-0123456789-abcdefg';
const ACCOUNT = '123456789012';
const USER = { accountId: ACCOUNT, name: 'ada', accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' };
export const CREDENTIALS = `[base]
aws_access_key_id = ${USER.accessKeyId}
aws_secret_access_key = ${USER.secretAccessKey}
`;

/** The section of a profile that assumes the role of the same name. */
export function role(aws: SimulatedAws, name: string, more = ''): string {
  return `[profile ${name}]
role_arn = arn:aws:iam::${ACCOUNT}:role/${name}
source_profile = base
region = eu-west-1
endpoint_url = ${aws.url}
${more}
`;
}

/** The daemon itself, on files of its own, with every role behind the profile `base`. */
export async function runDaemon(t: Test, options: { roles?: readonly string[]; settings?: string } = {}) {
  // The SDK's idle connections and our timers hold no process open; a test that waits for both needs something that does.
  const awake = setInterval(() => {}, 60_000);
  t.teardown(() => clearInterval(awake));
  const aws = await startSimulatedAws({
    world: { users: [USER], roleFor: (arn) => ({ arn, trusts: ['*'] }) },
  });
  t.teardown(aws.close);
  const home = t.testdir({
    '.aws': {
      config: (options.roles ?? ['dev']).map((name) => role(aws, name)).join('\n'),
      credentials: CREDENTIALS,
    },
    '.config': { credd: options.settings === undefined ? {} : { 'config.ini': options.settings } },
    run: {},
  });
  const settings = readSettings(
    { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') },
    { store: 'memory', port: '0' },
  );
  const lines: string[] = [];
  const log = pino({ level: 'trace', base: undefined }, { write: (line: string) => void lines.push(line) });
  const parts = { settings, log, clock: systemClock, ownerToken: OWNER_TOKEN, needsToken: false };
  const daemon = await startDaemon({ ...parts, port: 0 });
  t.teardown(daemon.stop);
  const port = Number(new URL(daemon.url).port);
  const authorization = `Authorization: ${OWNER_TOKEN}`;
  const answerTo = async (profile: string, token?: string): Promise<RawAnswer> => {
    const headers = token === undefined ? [] : [`Authorization: ${token}`];
    return (await ask(port, { target: `/creds/${profile}`, headers })) as RawAnswer;
  };
  return {
    aws,
    daemon,
    parts,
    port,
    lines,
    paths: settings.paths,
    /** What `/creds` says of the profile, once or until it is as wanted. */
    answerTo,
    async answerIs(
      profile: string,
      wanted: (answer: RawAnswer) => boolean,
      token?: string,
    ): Promise<RawAnswer> {
      for (;;) {
        const answer = await answerTo(profile, token);
        if (wanted(answer)) return answer;
      }
    },
    async api(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
      const text = body ? JSON.stringify(body) : '';
      const about = body ? ['Content-Type: application/json', `Content-Length: ${text.length}`] : [];
      const headers = [authorization, ...about];
      const answer = await ask(port, { method, target: `/api/${path}`, headers, body: text });
      return JSON.parse(answer?.body ?? '');
    },
  };
}

export type RunningDaemon = Awaited<ReturnType<typeof runDaemon>>;

/** What stands in the way of the newest state of the files, once that is as wanted. */
export async function problems(
  daemon: RunningDaemon,
  wanted: (found: string[]) => boolean,
): Promise<string[]> {
  for (;;) {
    const found = (await daemon.api('GET', 'status')).problems as string[];
    if (wanted(found)) return found;
  }
}
