import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import t, { type Test } from 'tap';
import { ask, lacks, machine } from '../support/cli.js';
import { listenQuietly } from '../support/quiet-port.js';

const missing =
  lacks('lsof', 'apt-get install lsof') ||
  lacks('python3', 'apt-get install python3') ||
  (process.platform !== 'linux' && 'on macOS it would be the real launchd');

/** A home on what says it is macOS, with a `launchctl` of its own. */
async function mac(t: Test) {
  const { port, server } = await listenQuietly();
  await new Promise((closed) => server.close(closed));
  const own = machine(t, { env: { CREDD_PORT: String(port), CREDD_STORE: 'memory' } });
  mkdirSync(own.path('launchd'));
  mkdirSync(own.path('Library', 'Logs'), { recursive: true });
  writeFileSync(
    own.path('launchctl'),
    `#!/bin/sh\nexec '${process.execPath}' '${resolve('test/support/launchctl.mjs')}' "$@"\n`,
  );
  chmodSync(own.path('launchctl'), 0o755);
  writeFileSync(own.path('mac.mjs'), "Object.defineProperty(process, 'platform', { value: 'darwin' });\n");
  const env = {
    PATH: `${own.home}:${process.env.PATH}`,
    LAUNCHD: own.path('launchd'),
    NODE_OPTIONS: `--import=${own.path('mac.mjs')}`,
  };
  t.teardown(() => service('uninstall'));
  const service = (verb: string, more = {}) => own.credd(['service', verb], { env: { ...env, ...more } });
  const calls = () => readFileSync(own.path('launchd', 'calls'), 'utf8').split('\n');
  return {
    ...own,
    port,
    service,
    calls,
    agent: own.path('Library', 'LaunchAgents', 'dev.credd.agent.plist'),
  };
}

t.test('an agent from install to uninstall', { skip: missing }, async (t) => {
  const { port, service, calls, agent, path } = await mac(t);
  const url = `http://127.0.0.1:${port}`;
  const first = await service('install', { AWS_REGION: 'eu-west-1' });
  t.match(first, { code: 0, stdout: `credd is always there now: ${url}` }, first.stderr);
  t.match(await service('status'), { code: 0, stdout: /^dev\.credd\.agent: running, process \d+/ });
  t.equal((await ask(`${url}/healthz`)).status, 200);
  t.match(await service('logs'), { code: 0, stdout: /credd listens on/ });

  const again = await service('install', { CREDD_LOG_LEVEL: 'debug' });
  t.match(again, { code: 0, stdout: url }, 'the port is its own');
  t.match(again.stderr, /has them no more, because this shell does not: AWS_REGION\n/);
  t.match(readFileSync(agent, 'utf8'), /<key>CREDD_LOG_LEVEL<\/key>/);
  t.match(calls().join(' '), /bootout (print )+enable bootstrap/, 'the old one is awaited');

  t.match(await service('uninstall'), { code: 0, stdout: /no longer a service/ });
  t.notOk(existsSync(agent));
  t.notOk(existsSync(path('Library', 'Logs', 'credd.log')));
  await t.rejects(ask(`${url}/healthz`), { code: 'ECONNREFUSED' });
  t.match(await service('logs'), { code: 1, stdout: /not installed/ });
});
