import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { machine } from '../support/cli.js';
import { fuzz, holds, seeded } from '../support/fuzz.js';
import { everySource } from '../support/sources.js';

const REQUESTS = 5000;
const SEED = 8363;

t.test(`${REQUESTS} random and mutated requests: no crash, no 5xx, no secret`, async (t) => {
  const own = machine(t);
  const { aws, secrets } = await everySource(t, own);
  own.profiles(
    `[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/MyApp/MyS3Access\nexternal_id = demo=7#1\nsource_profile = keys\nregion = eu-west-1\nendpoint_url = ${aws.url}\n`,
    '[keys]\naws_access_key_id = AKIAADA\naws_secret_access_key = adas-secret\n',
  );
  mkdirSync(own.path('.config', 'credd'), { recursive: true });
  writeFileSync(own.path('.config', 'credd', 'config.ini'), 'access = token\n', { mode: 0o600 });
  const daemon = await own.serve();
  const printed = await own.credd(['lease', 'dev', '--shell', 'dotenv']);
  const lease = /AUTHORIZATION_TOKEN=(\S+)/.exec(printed.stdout)?.[1] ?? '';
  const owner = readFileSync(own.path('.local', 'state', 'credd', 'token'), 'utf8');
  t.equal(lease.length, 43);

  const tokens = [lease, owner];
  const result = await fuzz({ port: daemon.port, tokens, secrets: secrets() }, REQUESTS, SEED);
  t.same(result.faults, []);
  // What is broken ends its connection, and with it what stood behind.
  t.ok(result.answered > REQUESTS / 3, `${result.answered} answers`);
  for (const status of [200, 400, 401, 403]) t.ok(result.byStatus[status], `some ${status}`);
  t.equal((await daemon.stop()).code, 0, 'it still runs, and stops in order');
  const trail = readFileSync(own.path('.local', 'state', 'credd', 'audit.jsonl'), 'utf8');
  t.notOk(holds(daemon.stderr() + trail, [...secrets(), ...tokens]), 'no secret in log or trail');
});

t.test('the same seed gives the same numbers', async (t) => {
  const [one, other, third] = [seeded(1), seeded(1), seeded(2)];
  t.same([one(), one()], [other(), other()]);
  t.not(one(), third());
});
