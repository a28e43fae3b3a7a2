import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { columns, ms, row } from './report.js';
import { makeWorld, startBare, startCredd, type World } from './servers.js';

const ROUNDS = 20;
const ASKERS = 100;
const PROFILES = 20;

/** A hundred who ask at once behind a sign-in that is over: how long until the last has his answer. */
export async function signedOut(): Promise<void> {
  const world = await makeWorld();
  await endedSignIn(world);
  const credd = await startCredd(world, 'memory');
  const bare = await startBare('bare-http.js', '{}');
  const times: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const theirs = await askAll(bare.url, {}, 200);
    const ours = await askAll(credd.url, { authorization: credd.ownerToken }, 403);
    times.push([ours, theirs, ours / theirs]);
  }
  const [ours, theirs, ratio] = columns(times);
  row('100 at once, sign-in over: all answered 403', ms(ours), ms(theirs), ratio, 'no aim');
  await credd.stop();
  await bare.stop();
  await world.close();
}

async function endedSignIn({ env, home }: World): Promise<void> {
  // That a sign-in is needed is known here.
  env.CREDD_LOG_LEVEL = 'error';
  const startUrl = 'https://example.awsapps.com/start';
  const profiles = Array.from(
    { length: PROFILES },
    (_, index) =>
      `[profile p${index}]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n`,
  ).join('');
  const session = `[sso-session corp]\nsso_start_url = ${startUrl}\nsso_region = eu-west-1\n`;
  await writeFile(env.AWS_CONFIG_FILE ?? '', `${session}${profiles}`);
  const cache = join(home, '.aws', 'sso', 'cache');
  await mkdir(cache, { recursive: true });
  const token = { startUrl, region: 'eu-west-1', accessToken: 'over', expiresAt: '2020-01-01T00:00:00Z' };
  const name = createHash('sha1').update('corp').digest('hex');
  await writeFile(join(cache, `${name}.json`), JSON.stringify(token), { mode: 0o600 });
}

/** In milliseconds; each on a connection of its own. */
async function askAll(url: string, headers: Record<string, string>, status: number): Promise<number> {
  const begin = performance.now();
  const asked = Array.from({ length: ASKERS }, (_, index) =>
    ask(`${url}/creds/p${index % PROFILES}`, headers),
  );
  const others = (await Promise.all(asked)).filter((it) => it !== status);
  if (others.length > 0) throw new Error(`expected ${status}, got ${others[0]}`);
  return performance.now() - begin;
}

function ask(url: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    }).on('error', reject);
  });
}
