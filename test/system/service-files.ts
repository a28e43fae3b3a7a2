import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { withPort } from '../../src/settings/edit.js';
import { launchdManager } from '../../src/system/launchd.js';
import { carriedOver } from '../../src/system/service-environment.js';
import { systemdManager } from '../../src/system/systemd.js';
import { lacks } from '../support/cli.js';

const ODD = `/opt/a b/"q" 50% $HOME & <x>`;
const service = { node: '/usr/bin/node', cli: `${ODD}/cli.js`, port: 8399, variables: { PATH: '/bin', ODD } };

function launchd(replies: Record<string, string | undefined> = {}) {
  const asked: string[] = [];
  const manager = launchdManager({
    uid: 501,
    home: '/Users/ada',
    templates: resolve('launchd'),
    async run(command) {
      asked.push(command.join(' '));
      const reply = replies[command[1] ?? ''];
      if (reply === undefined) throw new Error('Could not find service');
      return reply;
    },
  });
  return { manager, asked };
}

function systemd(t: Test) {
  const home = t.testdir({});
  return systemdManager({ env: {}, home, templates: resolve('systemd'), run: async () => '' });
}

t.test(
  'the agent, as a plist library reads it',
  { skip: lacks('python3', 'apt-get install python3') },
  async (t) => {
    const [file] = await launchd().manager.files(service);
    t.equal(file?.path, '/Users/ada/Library/LaunchAgents/dev.credd.agent.plist');
    const path = join(t.testdir({}), 'agent.plist');
    writeFileSync(path, file?.text ?? '');
    const read = 'import plistlib,json,sys; print(json.dumps(plistlib.load(open(sys.argv[1],"rb"))))';
    const plist = JSON.parse(execFileSync('python3', ['-c', read, path], { encoding: 'utf8' }));
    t.strictSame(plist, {
      Label: 'dev.credd.agent',
      ProgramArguments: ['/usr/bin/node', `${ODD}/cli.js`, 'serve'],
      EnvironmentVariables: { PATH: '/bin', ODD, CREDD_PORT: '8399' },
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 1,
      ProcessType: 'Interactive',
      ExitTimeOut: 60,
      Umask: 0o77,
      HardResourceLimits: { Core: 0 },
      StandardOutPath: '/Users/ada/Library/Logs/credd.log',
      StandardErrorPath: '/Users/ada/Library/Logs/credd.log',
    });
  },
);

t.test('what launchd is told', async (t) => {
  const first = launchd();
  t.strictSame(await first.manager.afterWriting(['plist']), [
    ['launchctl', 'enable', 'gui/501/dev.credd.agent'],
    ['launchctl', 'bootstrap', 'gui/501', '/Users/ada/Library/LaunchAgents/dev.credd.agent.plist'],
  ]);
  t.strictSame(await first.manager.state(), { text: 'dev.credd.agent: not loaded', up: false });
  const running = launchd({ print: 'gui/501/dev.credd.agent = {\n\tstate = running\n\tpid = 42\n}\n' });
  t.strictSame(await running.manager.state(), { text: 'dev.credd.agent: running, process 42', up: true });
  t.strictSame(await running.manager.afterWriting([]), [
    ['launchctl', 'kickstart', '-k', 'gui/501/dev.credd.agent'],
  ]);
  t.match(await running.manager.afterWriting(['plist']), [['launchctl', 'bootout']]);
});

t.test('the units', async (t) => {
  const [socket, unit] = await systemd(t).files({
    ...service,
    variables: { ...service.variables, CREDD_STORE_PASSPHRASE_FILE: '/home/ada/100%' },
  });
  t.match(socket?.text, /^ListenStream=127\.0\.0\.1:8399$/m);
  const lines = unit?.text.split('\n') ?? [];
  const escaped = '/opt/a b/\\"q\\" 50%% $HOME & <x>';
  t.has(lines, ['[Unit]']);
  t.ok(lines.includes(`ExecStart=/usr/bin/node "${escaped.replace('$', '$$$$')}/cli.js" serve`));
  t.ok(lines.includes(`Environment="ODD=${escaped}"`));
  t.ok(lines.includes('LoadCredential=credd-passphrase:/home/ada/100%%'));
  t.notMatch(unit?.text, /@[A-Z]+@|PASSPHRASE_FILE/);
});

t.test('what a service gets of the shell', async (t) => {
  const { variables, stripped } = carriedOver(
    {
      PATH: '/bin',
      HOME: '/home/ada',
      HTTPS_PROXY: 'http://ada:pass@word@proxy:3128',
      http_proxy: 'ada:secret@proxy:3128',
      NO_PROXY: 'localhost',
      AWS_CA_BUNDLE: '/etc/ca.pem',
      AWS_ENDPOINT_URL_STS: 'http://localhost:4566',
      AWS_ACCESS_KEY_ID: 'AKIA',
      AWS_SECRET_ACCESS_KEY: 'no',
      AWS_SESSION_TOKEN: 'no',
      AWS_PROFILE: 'x',
      AWS_CONFIG_FILE: '/run/shadow',
      CREDD_AWS_CONFIG_FILE: 'own/config',
      CREDD_CONFIG: '~/credd.ini',
      CREDD_PORT: '1',
      AWS_REGION: '',
    },
    '/home/ada/project',
  );
  t.strictSame(variables, {
    PATH: '/bin',
    HTTPS_PROXY: 'http://proxy:3128',
    http_proxy: 'proxy:3128',
    NO_PROXY: 'localhost',
    AWS_CA_BUNDLE: '/etc/ca.pem',
    AWS_ENDPOINT_URL_STS: 'http://localhost:4566',
    AWS_CONFIG_FILE: '/home/ada/project/own/config',
    CREDD_CONFIG: '~/credd.ini',
  });
  t.strictSame(stripped, ['HTTPS_PROXY', 'http_proxy']);
});

t.test('another port in config.ini', async (t) => {
  t.equal(withPort('', 9), 'port = 9\n');
  t.equal(withPort('; mine\nport=8363\nstore = auto\n', 9), '; mine\nport = 9\nstore = auto\n');
  t.equal(withPort('[profile a]\naccess = token\n', 9), 'port = 9\n[profile a]\naccess = token\n');
});
