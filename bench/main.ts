import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { listProfiles } from '../src/aws/profile-list.js';
import { readSharedConfig } from '../src/aws/shared-config.js';
import { missing as noKeyring, startKeyring } from '../test/support/keyring.js';
import { simulatedDay } from './day.js';
import { load } from './load.js';
import { columns, machine, ms, row } from './report.js';
import {
  body,
  CLI,
  firstBody,
  makeWorld,
  resident,
  startActivated,
  startBare,
  startCredd,
  type World,
} from './servers.js';
import { signedOut } from './signed-out.js';

const ROUNDS = 5;
const ROUND = 2000;
const run = promisify(execFile);

console.log(`${machine()}\n`);
row('', 'credd', 'bare', undefined, '');
await startToFirstAnswer();
await throughSocket('file');
await throughSocketWithKeychain();
await memory();
await execOverhead();
await manyProfiles();
await signedOut();
// After all that starts credd: closed connections fill the kernel's table for a minute, and it is read for each new one.
await throughput();
await simulatedDay();

/** In turn, so that a machine that slows down slows down both. */
async function throughput(): Promise<void> {
  const world = await makeWorld();
  const credd = await startCredd(world, 'memory');
  const path = '/creds/role-0';
  const token = { authorization: credd.ownerToken };
  const answer = await body(`${credd.url}${path}`, token);
  const bare = await startBare('bare-http.js', answer);
  const fastify = await startBare('bare-fastify.js', answer);
  const printed = await run(process.execPath, [CLI, 'lease', 'role-0', '--shell', 'dotenv'], {
    env: world.env,
  });
  const lease = { authorization: /AUTHORIZATION_TOKEN=(.*)/.exec(printed.stdout)?.[1] ?? '' };
  for (const [what, server, headers, aim, fresh] of [
    ['Fastify alone', fastify, token, '(the most that credd can reach)', false],
    ['with token', credd, token, 'at least 0.90', false],
    ['with a lease', credd, lease, 'at least 0.90', false],
    ['same user, without token', credd, {}, 'at least 0.90', false],
    ['with token, new connections', credd, token, '', true],
    ['with a lease, new connections', credd, lease, '', true],
    ['same user, new connections', credd, {}, '', true],
  ] as const) {
    const rates: number[][] = [];
    const p99s: number[][] = [];
    await load(`${server.url}${path}`, headers, ROUND, fresh);
    await load(`${bare.url}${path}`, headers, ROUND, fresh);
    for (let round = 0; round < ROUNDS; round++) {
      const theirs = await load(`${bare.url}${path}`, headers, ROUND, fresh);
      const ours = await load(`${server.url}${path}`, headers, ROUND, fresh);
      rates.push([ours.rate, theirs.rate, ours.rate / theirs.rate]);
      p99s.push([ours.p99, theirs.p99, ours.p99 / theirs.p99]);
    }
    const [ours, theirs, ratio] = columns(rates);
    row(`requests/s of /creds, ${what}`, `${Math.round(ours)}`, `${Math.round(theirs)}`, ratio, aim);
    const [oursP99, theirsP99, ratioP99] = columns(p99s);
    row(`p99 of /creds, ${what}`, ms(oursP99), ms(theirsP99), ratioP99, fresh ? '' : 'close to 1');
  }
  await credd.stop();
  await bare.stop();
  await fastify.stop();
  await world.close();
}

async function startToFirstAnswer(): Promise<void> {
  const world = await makeWorld();
  const path = '/creds/role-0';
  const warm = await startCredd(world, 'file');
  await body(`${warm.url}${path}`, { authorization: warm.ownerToken });
  await warm.stop();
  const times: number[][] = [];
  for (let round = 0; round < ROUNDS * 2; round++) {
    const bare = timed(() => spawnSync(process.execPath, ['-e', '0']));
    const begin = performance.now();
    const credd = await startCredd(world, 'file');
    await firstBody(`${credd.url}${path}`, { authorization: credd.ownerToken });
    const ours = performance.now() - begin;
    await credd.stop();
    times.push([ours, bare, ours / bare]);
  }
  const [ours, bare, ratio] = columns(times);
  row(
    'start to first 200, warm encrypted file store',
    ms(ours),
    ms(bare),
    ratio,
    'under 6 (bare: node -e 0)',
  );
  if (world.aws.count('AssumeRole') !== 1) throw new Error('a warm start must not call AWS');
  await world.close();
}

async function throughSocket(store: 'file' | 'keychain', env: NodeJS.ProcessEnv = {}): Promise<void> {
  const world = await makeWorld();
  Object.assign(world.env, env);
  const path = '/creds/role-0';
  const warm = await startCredd(world, store);
  const headers = { authorization: warm.ownerToken };
  await body(`${warm.url}${path}`, headers);
  await warm.stop();
  const times: number[][] = [];
  for (let round = 0; round < ROUNDS * 2; round++) {
    const bare = timed(() => spawnSync(process.execPath, ['-e', '0']));
    const credd = await startActivated(world, store);
    if (!credd) return world.close();
    const begin = performance.now();
    await body(`${credd.url}${path}`, headers);
    const ours = performance.now() - begin;
    await credd.stop();
    times.push([ours, bare, ours / bare]);
  }
  const [ours, bare, ratio] = columns(times);
  const aim = store === 'file' ? 'under 6 (bare: node -e 0)' : 'bare: node -e 0';
  row(`first 200 through a waiting socket, ${store}`, ms(ours), ms(bare), ratio, aim);
  if (world.aws.count('AssumeRole') !== 1) throw new Error('a warm start must not call AWS');
  await world.close();
}

async function throughSocketWithKeychain(): Promise<void> {
  if (noKeyring) return console.log(`no keychain to measure: ${noKeyring}`);
  const keyring = await startKeyring();
  await throughSocket('keychain', { DBUS_SESSION_BUS_ADDRESS: keyring.env.DBUS_SESSION_BUS_ADDRESS });
  await keyring.stop();
}

async function memory(): Promise<void> {
  const world = await makeWorld();
  const credd = await startCredd(world, 'memory');
  const bare = await startBare('bare-fastify.js');
  await body(`${credd.url}/creds/role-0`, { authorization: credd.ownerToken });
  await body(`${bare.url}/healthz`);
  const [ours, theirs] = [resident(credd.child.pid), resident(bare.child.pid)];
  row(
    'resident memory, idle, one session fetched',
    `${ours} MB`,
    `${theirs} MB`,
    ours / theirs,
    'under 1.5 (bare: Fastify)',
  );
  await credd.stop();
  await bare.stop();
  await world.close();
}

async function execOverhead(): Promise<void> {
  const world = await makeWorld();
  const credd = await startCredd(world, 'memory');
  const times: number[][] = [];
  const args = [CLI, 'exec', 'role-0', '--', 'true'];
  await run(process.execPath, args, { env: world.env });
  for (let round = 0; round < ROUNDS * 2; round++) {
    const alone = timed(() => spawnSync('true'));
    const through = timed(() => spawnSync(process.execPath, args, { env: world.env, stdio: 'inherit' }));
    times.push([through, alone, through - alone]);
  }
  const [through, alone] = columns(times);
  row(
    'credd exec role-0 -- true, daemon running',
    ms(through),
    ms(alone),
    undefined,
    `${ms(through - alone)} more than the command alone`,
  );
  await credd.stop();
  await world.close();
}

async function manyProfiles(): Promise<void> {
  const world = await makeWorld(5000);
  const paths = pathsOf(world);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const begin = performance.now();
  const config = await readSharedConfig(paths);
  const parsed = performance.now() - begin;
  const listed = timed(() => listProfiles(config, {}));
  const held = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  row(
    '5,000 profiles: read, then resolve all',
    ms(parsed),
    ms(listed),
    undefined,
    `${held.toFixed(1)} MB of heap`,
  );
  await world.close();
}

function pathsOf({ env, home }: World) {
  return { config: env.AWS_CONFIG_FILE ?? '', credentials: env.AWS_SHARED_CREDENTIALS_FILE ?? '', home };
}

function timed(work: () => unknown): number {
  const begin = performance.now();
  work();
  return performance.now() - begin;
}
