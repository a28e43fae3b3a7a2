import t from 'tap';
import { CLI, machine, run } from './support/cli.js';

const NOTHING = /^$/;
const COMMANDS =
  'serve demo exec env lease leases revoke audit creds list status refresh forget whoami completion'.split(
    ' ',
  );

t.test('--help and --version are for stdout', async (t) => {
  const { credd } = machine(t);
  const version = await credd(['--version']);
  t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: NOTHING });
  const help = await credd(['--help']);
  t.match(help, { code: 0, stderr: NOTHING });
  for (const name of COMMANDS) t.match(help.stdout, new RegExp(`^  ${name} +\\w`, 'm'));
  for (const args of [[], ['-h'], ['help']]) t.same(await credd(args), help, `credd ${args.join(' ')}`);
  t.same(await credd(['-V']), version);
});

t.test('every command explains itself, and does nothing else', async (t) => {
  const { credd } = machine(t);
  await Promise.all(
    COMMANDS.map(async (name) => {
      const help = await credd([name, '--help']);
      t.match(help, { code: 0, stdout: new RegExp(`^Usage: credd ${name}`), stderr: NOTHING });
      t.same(await credd(['help', name]), help);
      const widest = Math.max(...help.stdout.split('\n').map((line) => line.length));
      t.ok(widest <= 120, `${name}: ${widest} columns`);
    }),
  );
});

t.test('wrong usage: exit code 2, and what to type', async (t) => {
  const { credd } = machine(t);
  const wrong: [string[], RegExp][] = [
    [['lst'], /^credd: There is no command "lst"\. Type: credd --help\n$/],
    [['stat'], /Did you mean credd status\? /],
    [['whoami-now'], /Did you mean credd whoami\? /],
    [['constructor'], /no command/],
    [['help', 'lst'], /no command/],
    [['list', '--jsn'], /^credd: Unknown option '--jsn'\. Type: credd list --help\n$/],
    [['list', 'x'], /too much: credd list/],
    [['whoami'], /missing: credd whoami PROFILE/],
    [['whoami', ''], /missing: credd whoami PROFILE/],
    [['exec'], /missing: credd exec PROFILE/],
    [['exec', 'p', 'ls', '-l'], /Unknown option '-l'\. What is not for credd goes behind --\. /],
    [['exec', 'p', '--ttl'], /--ttl.*argument missing/],
    [['exec', 'p', '--ttl', 'soon'], /--ttl: "soon" is not a time: use 90s/],
    [['env', 'p', '--shell', 'cmd'], /--shell: "cmd" is not a shell.*sh, fish, powershell, dotenv/],
    [['creds', 'p', '--format', 'xml'], /--format: "xml" is not a format: use ecs, sts, process, env/],
    [['completion', 'cmd'], /"cmd" is not a shell.*bash, zsh, fish/],
    [['serve', 'x'], /too much/],
    [['serve', '--port', 'http'], /"http" \(--port\) is not a port/],
    [['serve', '--store', 'cloud'], /"cloud" \(--store\).* use one of auto, keychain/],
    [['serve', '--config', '/nowhere'], /settings in \/nowhere \(--config\).*: there is no such file\n/],
    [['demo', '--port', 'http'], /"http" \(--port\) is not a port/],
    [['exec', 'p', '--region', 'eu west', '--', 'true'], /--region: "eu west" is not a region/],
    [['env', 'p', '--region', ''], /--region: "" is not a region/],
    [['env', 'p', '--global', '--read-only'], /--global hands out no lease/],
    [['lease', 'p', '--region', '-'], /--region/],
    [['lease', 'p', '--container', '--endpoint', 'x'], /--endpoint: "x" is not an address/],
  ];
  for (const [args, stderr] of wrong) {
    t.match(await credd(args), { code: 2, stdout: NOTHING, stderr }, `credd ${args.join(' ')}`);
  }
});

t.test('wrong settings: exit code 1, and which setting it is', async (t) => {
  const { credd } = machine(t);
  const wrong: [string[], Record<string, string>, RegExp][] = [
    [['list'], { CREDD_CONFIG: '/nowhere' }, /settings in \/nowhere \(CREDD_CONFIG\) cannot be read/],
    [['list'], { CREDD_LOG_LEVEL: 'loud' }, /"loud" \(CREDD_LOG_LEVEL\)/],
    [['list'], { CREDD_PORT: '65536' }, /"65536" \(CREDD_PORT\) is not a port/],
  ];
  for (const [args, env, stderr] of wrong) {
    t.match(await credd(args, { env }), { code: 1, stdout: NOTHING, stderr }, `credd ${args.join(' ')}`);
  }
});

t.test('a reader that has gone is no error, a full disk is', async (t) => {
  const names = Array.from({ length: 3000 }, (_, index) => `[profile p${index}]\nregion = eu-west-1\n`);
  const { env, home } = machine(t, { config: names.join('') });
  const through = (script: string) =>
    run(t, ['bash', '-c', script, 'bash', process.execPath, CLI], { env, cwd: home }).ended;
  for (const script of [
    '"$@" list | head -1; echo "$PIPESTATUS" >&2',
    '"$@" list --names | head -1; echo "$PIPESTATUS" >&2',
  ]) {
    const { stdout, stderr } = await through(script);
    t.equal(stdout.split('\n').length, 2);
    t.match(stderr, /(^|\n)0\n$/);
    t.notMatch(stderr, /EPIPE|Error|at .*\.js/);
  }
  t.match(await through('"$@" list 2>&1 >/dev/null | true; echo "$PIPESTATUS"'), {
    stdout: /^0\n$/,
    stderr: NOTHING,
  });
  t.match(await through('"$@" --version > /dev/full'), {
    code: 1,
    stderr: /^credd: the output cannot be written: ENOSPC/,
  });
});

t.test('SIGUSR1 opens no inspector', async (t) => {
  const { serve } = machine(t);
  const daemon = await serve();
  daemon.process.kill('SIGUSR1');
  daemon.process.kill('SIGTERM');
  const { code, stderr } = await daemon.ended;
  t.equal(code, 0);
  t.notMatch(stderr, /ebugger|inspector/);
});
