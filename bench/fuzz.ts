import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fuzz, holds } from '../test/support/fuzz.js';
import { body, makeWorld, resident, startCredd } from './servers.js';

/** `npm run fuzz [-- REQUESTS [SEED]]`: exits 1 after a crash, a 5xx, a secret where none belongs, or a leak of memory. */
const requests = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const ROUNDS = 10;
/** Of the heap that is held, between the first round and the last. */
const MOST_GROWTH = 1.25;

const world = await makeWorld();
await appendFile(
  world.env.AWS_CONFIG_FILE ?? '',
  `[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/dev\nsource_profile = keys\nregion = eu-west-1\nendpoint_url = ${world.aws.url}\n`,
);
const folder = join(world.home, '.config', 'credd');
await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'config.ini'), 'access = token\n', { mode: 0o600 });
// A line for each refusal would be most of the work.
world.env.CREDD_LOG_LEVEL = 'error';
// A snapshot begins with a full collection, so that its size tells what is held, and not what waits to be collected.
world.env.NODE_OPTIONS = `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${world.home}`;
const credd = await startCredd(world, 'memory');
const authorization = credd.ownerToken;
const vended = JSON.parse(await body(`${credd.url}/creds/dev`, { authorization }));
const secrets = [vended.SecretAccessKey, vended.Token];
const target = { port: Number(new URL(credd.url).port), tokens: [authorization], secrets };
console.log(`seed ${seed}`);

const memory: number[] = [];
const faults: string[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const begin = performance.now();
  const result = await fuzz(target, requests / ROUNDS, seed + round);
  faults.push(...result.faults);
  memory.push(await held());
  const rate = Math.round(result.sent / ((performance.now() - begin) / 1000));
  console.log(
    `${result.sent} sent, ${result.answered} answered ${JSON.stringify(result.byStatus)}, ${rate}/s, heap ${mb(memory.at(-1))}, resident ${resident(credd.child.pid)} MB`,
  );
}
// A storm leaves searches for connections that have gone: they take their time on a busy machine, but they end.
for (let tries = 0; tries < 10 && !(growth() < MOST_GROWTH); tries++) memory.push(await held());
if (!(growth() < MOST_GROWTH)) faults.push(`the heap grew ${growth().toFixed(2)} times`);
if (credd.child.exitCode !== null) faults.push(`it ended with ${credd.child.exitCode}`);
await credd.stop();
const trail = await readFile(join(world.home, '.local', 'state', 'credd', 'audit.jsonl'), 'utf8');
if (holds(trail, [...secrets, authorization])) faults.push('a secret in the trail');
await world.close();
for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? 'no faults' : `${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;

function growth(): number {
  return (memory.at(-1) ?? 0) / (memory[0] ?? 0);
}

/** The size of a heap snapshot of the daemon, in bytes: about twice what is held. */
async function held(): Promise<number> {
  // What is still being looked up for connections that have gone.
  await setTimeout(2000);
  credd.child.kill('SIGUSR2');
  for (;;) {
    const [name] = (await readdir(world.home)).filter((file) => file.endsWith('.heapsnapshot'));
    await setTimeout(100);
    await body(`${credd.url}/healthz`);
    if (!name) continue;
    const { size } = await stat(join(world.home, name));
    await rm(join(world.home, name));
    return size;
  }
}

function mb(bytes = 0): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}
