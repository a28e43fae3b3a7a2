import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ask, machine, run } from '../support/cli.js';
import { ARNS, everySource } from '../support/sources.js';

const onLinux = process.platform === 'linux';

t.test('no secret is in a log, an error, an argument or a file that others may read', async (t) => {
  const own = machine(t, { env: { CREDD_LOG_LEVEL: 'trace' } });
  const { aws, daemonEnv, secrets } = await everySource(t, own);
  const { credd, path } = own;
  const daemon = await own.serve([], { env: daemonEnv });
  const seen: string[] = [];
  const handedOut: string[] = [readFileSync(path('.local', 'state', 'credd', 'token'), 'utf8')];

  const profiles = [...Object.keys(ARNS), 'default', 'nope'];
  for (const profile of profiles) await ask(`${daemon.url}/creds/${encodeURIComponent(profile)}`);
  for (const args of [['list'], ['list', '--json'], ['status'], ['status', '--json'], ['whoami', 'app']]) {
    const { stdout, stderr } = await credd(args);
    seen.push(stdout, stderr);
  }
  for (const verb of ['refresh', 'forget']) seen.push((await credd([verb, 'app'])).stderr);
  const lease = await credd(['env', 'app']);
  handedOut.push(/AUTHORIZATION_TOKEN='(.+)'/.exec(lease.stdout)?.[1] ?? '');
  seen.push(lease.stderr, (await credd(['creds', 'app'])).stderr);
  // And without the daemon, with its log.
  const alone = { env: { ...daemonEnv, XDG_STATE_HOME: path('another-state') } };
  for (const profile of profiles) seen.push((await credd(['creds', profile], alone)).stderr);

  const within = 'echo "$AWS_CONTAINER_AUTHORIZATION_TOKEN."; ps -A -ww -o args=; cat "$AWS_CONFIG_FILE"';
  const exec = await credd(['exec', 'app', '--', 'sh', '-c', within]);
  const [token = '', ...processes] = exec.stdout.split('.\n');
  handedOut.push(token);
  seen.push(exec.stderr, processes.join('.\n'));

  for (const kind of ['garbage', 'drop', 'throttle', 'error'] as const) {
    aws.faults.set('*', { kind });
    await ask(`${daemon.url}/creds/web`, handedOut[0]);
    seen.push((await credd(['refresh', 'app'])).stderr, (await credd(['refresh', 'sso'])).stderr);
  }
  for (const wrong of [`${handedOut[0]}x`, handedOut[1], token]) {
    seen.push((await ask(`${daemon.url}/creds/keys`, wrong)).text);
    seen.push((await ask(`${daemon.url}/api/status?${wrong}`, wrong)).text);
    seen.push((await ask(`${daemon.url}/nowhere/${wrong}`, wrong)).text.replaceAll(`${wrong}`, ''));
  }
  const files = readdirSync(own.home, { recursive: true }).map(String);
  for (const name of files.filter((it) => statSync(join(own.home, it)).isFile())) {
    const open = (statSync(path(name)).mode & 0o077) !== 0;
    const ours = /^(run|\.local|another-state)\//.test(name) && !/\/(token|lease-\w+)$/.test(name);
    if (open || ours) seen.push(readFileSync(path(name), 'utf8'));
    t.notOk(open && ours, `${name} is private`);
  }
  const log = (await daemon.stop()).stderr;
  t.match(log, /"level":20/);
  seen.push(log);

  const all = [...secrets(), ...handedOut];
  t.ok(all.length > 30 && all.every((secret) => secret.length > 8), `${all.length} secrets`);
  for (const [index, text] of seen.entries()) {
    const found = all.filter((secret) => text.includes(secret));
    t.equal(found.length, 0, `text ${index}, which begins with ${JSON.stringify(text.slice(0, 60))}`);
  }
  if (onLinux) t.match(processes.join(''), /exec app -- sh -c/, 'the processes were seen');
});

t.test('the search would find one', async (t) => {
  const own = machine(t);
  const { secrets } = await everySource(t, own);
  const { stdout } = await run(t, ['cat', own.path('.aws', 'credentials')], {}).ended;
  t.ok(secrets().some((secret) => stdout.includes(secret)));
});
