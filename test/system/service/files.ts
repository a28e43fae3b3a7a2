import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import t from 'tap';
import { withPort } from '../../../src/settings/edit.js';
import { carriedOver } from '../../../src/system/service/environment.js';
import { patientLaunchctl } from '../../../src/system/service/launchctl.js';
import { launchdManager } from '../../../src/system/service/launchd.js';
import { checkValues, PASSPHRASE, type RunTool } from '../../../src/system/service/manager.js';
import { systemdManager } from '../../../src/system/service/systemd.js';
import { lacks } from '../../support/cli.js';

const ODD = `/opt/a b/"q" 50% $HOME & <x>`;
const service = { node: '/usr/bin/node', cli: `${ODD}/cli.js`, port: 8399, variables: { PATH: '/bin', ODD } };

function launchd(replies: Record<string, string | undefined> = {}, home = '/Users/ada') {
  const asked: string[] = [];
  const manager = launchdManager({
    uid: 501,
    home,
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

function systemd(run: RunTool = async () => '') {
  return systemdManager({
    env: { XDG_CONFIG_HOME: '/home/ada/of-the-shell' },
    home: '/home/ada',
    templates: resolve('systemd'),
    run,
  });
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
  const [socket, unit] = await systemd().files({
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

t.test('the units lie where the manager looks, which may have settings of its own', async (t) => {
  const folders = async (unitPath: string | undefined) => {
    const run = async () => (unitPath === undefined ? Promise.reject(new Error('no bus')) : unitPath);
    return (await systemd(run).files(service)).map(({ path }) => dirname(path))[0];
  };
  const rest = '/run/user/1/systemd/user.control /home/ada/x/systemd/user /etc/systemd/user';
  t.equal(await folders(`/home/ada/x/systemd/user.control ${rest}\n`), '/home/ada/x/systemd/user');
  t.equal(await folders(`/home/a b/\\$x/systemd/user.control ${rest}\n`), '/home/a b/$x/systemd/user');
  t.equal(await folders(undefined), '/home/ada/of-the-shell/systemd/user', 'where there is none to ask');
});

t.test('what an earlier install gave to the service is read back', async (t) => {
  const variables = { PATH: '/bin', ODD, [PASSPHRASE]: '/home/ada/100%' };
  for (const manager of [systemd(), launchd().manager]) {
    const texts = (await manager.files({ ...service, variables })).map(({ text }) => text);
    const { CREDD_PORT, ...read } = Object.assign({}, ...texts.map((text) => manager.variables(text)));
    t.strictSame(read, variables, manager.name);
    t.equal(CREDD_PORT, manager.name === 'launchd' ? '8399' : undefined);
  }
});

t.test('a value that no service file can hold is refused', async (t) => {
  checkValues(service);
  for (const value of ['a\nb', 'a\u0001', 'a\u001b[0m', 'a\rb'])
    t.throws(() => checkValues({ ...service, variables: { BROWSER: value } }), {
      code: 'InvalidSettings',
      message: /^BROWSER holds a line break .* env -u BROWSER credd service install$/,
    });
});

t.test('whether launchd holds the port', async (t) => {
  const home = t.testdir({ Library: { LaunchAgents: {} } });
  const { manager } = launchd({ print: 'state = running' }, home);
  t.equal(await manager.holds(8399), false, 'without an agent');
  const [file] = await manager.files(service);
  writeFileSync(file?.path ?? '', file?.text ?? '');
  t.equal(await manager.holds(8399), true);
  t.equal(await manager.holds(8363), false, 'which is another');
  t.equal(await launchd({}, home).manager.holds(8399), false, 'when it is not loaded');
});

t.test('what is left of an agent', async (t) => {
  t.strictSame(launchd().manager.ownFiles, [
    '/Users/ada/Library/Logs/credd.log',
    '/Users/ada/Library/Logs/credd.log.1',
  ]);
  t.strictSame(await launchd().manager.remains(), []);
  t.strictSame(await launchd({ getenv: 'http://169.254.170.2/x\n' }).manager.remains(), []);
  t.match(await launchd({ getenv: 'http://127.0.0.1:8363/creds/dev\n' }).manager.remains(), [
    /launchctl unsetenv AWS_CONTAINER_CREDENTIALS_FULL_URI$/,
  ]);
});

/** A `launchctl` of which each kind of command answers in turn; the last answer stays. */
function scripted(answers: Record<string, string[]>) {
  const asked: string[] = [];
  const run = patientLaunchctl(
    async ([, verb = '']) => {
      asked.push(verb);
      const rest = answers[verb] ?? [];
      const [answer = ''] = rest.length > 1 ? rest.splice(0, 1) : rest;
      if (/^[A-Z].* failed: |^Could not/.test(answer)) throw new Error(answer);
      return answer;
    },
    async () => asked.push('pause'),
  );
  return { run, asked };
}

t.test('an old agent is awaited until it has gone away', async (t) => {
  const { run, asked } = scripted({
    bootout: ['Boot-out failed: 36: Operation now in progress'],
    print: ['state = running', 'state = running', 'Could not find service'],
    bootstrap: ['Bootstrap failed: 5: Input/output error', 'Bootstrap failed: 5: Input/output error', ''],
  });
  await run(['launchctl', 'bootout', 'gui/501/x']);
  t.strictSame(asked.splice(0), ['bootout', 'print', 'pause', 'print', 'pause', 'print']);
  await run(['launchctl', 'bootstrap', 'gui/501', '/x.plist']);
  t.strictSame(asked, ['bootstrap', 'pause', 'bootstrap', 'pause', 'bootstrap']);
});

t.test('what launchd refuses for good is said', async (t) => {
  const lasting = scripted({
    bootout: ['Boot-out failed: 3: No such process'],
    print: ['state = running'],
    bootstrap: ['Bootstrap failed: 5: Input/output error'],
    kickstart: ['Kickstart failed: 5: x'],
  });
  await t.rejects(lasting.run(['launchctl', 'bootout', 'gui/501/x']), { message: /No such process/ });
  await t.rejects(lasting.run(['launchctl', 'bootstrap', 'gui/501', '/x']), { message: /5: Input/ });
  lasting.asked.splice(0);
  await t.rejects(lasting.run(['launchctl', 'kickstart', 'gui/501/x']), { message: /5: x/ });
  t.strictSame(lasting.asked, ['kickstart']);
  const stuck = scripted({ print: ['state = running'] });
  await stuck.run(['launchctl', 'bootout', 'gui/501/x']);
  t.ok(stuck.asked.length > 100, 'one that never goes is not awaited for ever');
  const refused = scripted({
    bootstrap: ['Bootstrap failed: 125: Domain does not support specified action'],
  });
  await t.rejects(refused.run(['launchctl', 'bootstrap', 'gui/501', '/x']), { message: /125/ });
  t.strictSame(refused.asked, ['bootstrap']);
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
    { folder: '/home/ada/project', home: '/home/ada' },
  );
  t.strictSame(variables, {
    PATH: '/bin',
    HTTPS_PROXY: 'http://proxy:3128',
    http_proxy: 'proxy:3128',
    NO_PROXY: 'localhost',
    AWS_CA_BUNDLE: '/etc/ca.pem',
    AWS_ENDPOINT_URL_STS: 'http://localhost:4566',
    AWS_CONFIG_FILE: '/home/ada/project/own/config',
    CREDD_CONFIG: '/home/ada/credd.ini',
  });
  t.strictSame(stripped, ['HTTPS_PROXY', 'http_proxy']);
});

const place = { folder: '/home/ada/project', home: '/home/ada' };

t.test('no password gets into a file of the service, however it is written', async (t) => {
  const odd = {
    HTTP_PROXY: ' http://ada:secret@proxy:1',
    HTTPS_PROXY: 'http:/ada:secret@proxy',
    ALL_PROXY: 'ada:secret@proxy',
    http_proxy: 'http://ada:sec/ret@proxy',
    https_proxy: '//ada:secret@proxy',
    all_proxy: 'socks5h://ada:secret@proxy:1080',
    AWS_ENDPOINT_URL: 'https://ada:secret@host',
    AWS_ENDPOINT_URL_STS: 'https://host',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://ada:secret@host',
    NO_PROXY: 'a@b,c',
  };
  const { variables, stripped, leftOut } = carriedOver(odd, place);
  t.strictSame(variables, {
    HTTP_PROXY: 'http://proxy:1',
    ALL_PROXY: 'proxy',
    all_proxy: 'socks5h://proxy:1080',
    AWS_ENDPOINT_URL_STS: 'https://host',
    NO_PROXY: 'a@b,c',
  });
  t.strictSame(stripped, ['HTTP_PROXY', 'ALL_PROXY', 'all_proxy']);
  t.strictSame(leftOut, [
    'HTTPS_PROXY',
    'http_proxy',
    'https_proxy',
    'AWS_ENDPOINT_URL',
    'AWS_EC2_METADATA_SERVICE_ENDPOINT',
  ]);
});

t.test('files are named so that they are found from another folder', async (t) => {
  const { variables } = carriedOver(
    {
      AWS_CA_BUNDLE: 'ca.pem',
      NODE_EXTRA_CA_CERTS: '~/ca.pem',
      SSL_CERT_FILE: '../ca.pem',
      SSL_CERT_DIR: '/etc/ssl/certs:certs::~/certs',
      AWS_LOGIN_CACHE_DIRECTORY: '~/cache',
      CREDD_STORE_PASSPHRASE_FILE: '~/passphrase',
      NODE_OPTIONS: '--inspect --use-openssl-ca --require=./x.js',
      BROWSER: 'firefox',
    },
    place,
  );
  t.strictSame(variables, {
    AWS_CA_BUNDLE: '/home/ada/project/ca.pem',
    NODE_EXTRA_CA_CERTS: '/home/ada/ca.pem',
    SSL_CERT_FILE: '/home/ada/ca.pem',
    SSL_CERT_DIR: '/etc/ssl/certs:/home/ada/project/certs:/home/ada/certs',
    AWS_LOGIN_CACHE_DIRECTORY: '/home/ada/cache',
    CREDD_STORE_PASSPHRASE_FILE: '/home/ada/passphrase',
    NODE_OPTIONS: '--use-openssl-ca',
    BROWSER: 'firefox',
  });
  t.strictSame(carriedOver({ NODE_OPTIONS: '--inspect' }, place).variables, {});
});

/** What a service must not have of a shell, or has of its manager. */
const NOT_CARRIED =
  /^(HOME|USER|LOGNAME|SHELL|DISPLAY|WAYLAND_DISPLAY|SSH_\w+|XDG_RUNTIME_DIR|XPC_SERVICE_NAME|CREDENTIALS_DIRECTORY|CREDD_(PORT|RESOLVING|AWS_\w+)|(LISTEN|NOTIFY|WATCHDOG)_\w+|AWS_(DEFAULT_)?PROFILE|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|SECURITY_TOKEN|CREDENTIAL_EXPIRATION)|AWS_ROLE_\w+|AWS_WEB_IDENTITY_TOKEN_FILE|AWS_CONTAINER_\w+)$/;

t.test('every variable that credd reads is carried over, or left out on purpose', async (t) => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (it) => it.endsWith('.ts') && !it.startsWith('demo'),
  );
  const read = new Set(
    files.flatMap((it) =>
      [...readFileSync(join('src', it), 'utf8').matchAll(/\benv\??\.([A-Z][A-Z_\d]+)/g)].map(
        ([, name = '']) => name,
      ),
    ),
  );
  t.ok(read.has('AWS_EC2_METADATA_DISABLED') && read.size > 30);
  const all = [...read, ...['STS', 'SSO', 'SSO_OIDC', 'IAM', 'SIGNIN'].map((it) => `AWS_ENDPOINT_URL_${it}`)];
  const { variables } = carriedOver(Object.fromEntries(all.map((name) => [name, 'x'])), place);
  t.strictSame(
    all.filter((name) => !(name in variables) && !NOT_CARRIED.test(name)),
    [],
  );
  t.strictSame(
    Object.keys(variables).filter((name) => NOT_CARRIED.test(name)),
    [],
  );
});

t.test('another port in config.ini', async (t) => {
  t.equal(withPort('', 9), 'port = 9\n');
  t.equal(withPort('; mine\nport=8363\nstore = auto\n', 9), '; mine\nport = 9\nstore = auto\n');
  t.equal(withPort('[profile a]\naccess = token\n', 9), 'port = 9\n[profile a]\naccess = token\n');
  for (const [before, after] of [
    ['port = 1 ; main\r\nstore = auto\r\n', 'port = 9 ; main\r\nstore = auto\r\n'],
    ['store = auto\r\n', 'port = 9\r\nstore = auto\r\n'],
    ['\uFEFFport=1', '\uFEFFport = 9'],
    ['\uFEFFstore = auto', '\uFEFFport = 9\nstore = auto'],
    ['  port = "5"  # x\n[profile port]\n', '  port = 9  # x\n[profile port]\n'],
    ['store = auto\rport = 7\r', 'store = auto\rport = 9\r'],
    ['; port = 1\n[profile a]\nport = 1\n', 'port = 9\n; port = 1\n[profile a]\nport = 1\n'],
  ] as const)
    t.equal(withPort(before, 9), after, JSON.stringify(before));
});
