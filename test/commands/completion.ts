import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { VERBS } from '../../src/commands/completion.js';
import { commands } from '../../src/commands/index.js';
import { CLI, lacks, machine, run } from '../support/cli.js';
import { noTerminal, TERMINAL } from '../support/terminal.js';

const NAMES = ['with space', 'with-dash', "it's", 'app/prod €', 'Ünï'];

/** `credd` on the PATH: real where it completes, and otherwise it shows the words it was given. */
function ready(t: Test) {
  const config = NAMES.map((name) => `[profile "${name}"]\nregion = r\n`).join('');
  const own = machine(t, { config });
  mkdirSync(own.path('bin'));
  writeFileSync(
    own.path('bin', 'credd'),
    `#!/bin/sh
case "$*" in 'list --names' | 'completion bash' | 'completion zsh')
  exec '${process.execPath}' '${CLI}' "$@" ;;
esac
printf '<%s>' "$@"; echo .
`,
  );
  chmodSync(own.path('bin', 'credd'), 0o755);
  return { ...own, env: { ...own.env, PATH: `${own.path('bin')}:${own.env.PATH}`, TERM: 'dumb' } };
}

const missing = (shell: string) => lacks(shell, `apt-get install -y ${shell}`) || noTerminal;

/** What is typed, with tabs, and the words that the command then gets. */
const TYPED: readonly [string, string][] = [
  ['credd comp\tfi\t', '<completion><fish>.'],
  ['credd whoa\twith\\ s\t', '<whoami><with space>.'],
  ['credd exec with-\t-- x', '<exec><with-dash><--><x>.'],
  ['credd creds app\t', '<creds><app/prod €>.'],
  ['credd refresh it\t', "<refresh><it's>."],
  ['credd keys ro\t', '<keys><rotate>.'],
  ['credd service uni\t', '<service><uninstall>.'],
];

for (const [shell, args, setUp] of [
  ['bash', ['--norc', '--noprofile', '-i'], 'eval "$(credd completion bash)"'],
  ['zsh', ['-f', '-i'], 'autoload -U compinit; compinit -u -D; eval "$(credd completion zsh)"'],
] as const) {
  t.test(`${shell}: tab completes commands and profiles`, { skip: missing(shell) }, async (t) => {
    const { env, home } = ready(t);
    const terminal = run(t, ['python3', TERMINAL, shell, ...args], { env, cwd: home });
    const type = (text: string) => terminal.process.stdin?.write(text);
    type(`${setUp}; echo set'' up\n`);
    await terminal.prints(/set up/);
    for (const [keys, words] of TYPED) {
      type(`${keys}\n`);
      await terminal.prints(new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
      t.pass(`${JSON.stringify(keys)} gives ${words}`);
    }
    type('exit\n');
    await terminal.ended;
  });
}

t.test('all verbs that a command takes are completed', async (t) => {
  for (const [name, verbs] of Object.entries(VERBS)) {
    const { command } = (await commands[name]?.load()) ?? {};
    t.equal(command?.usage.split(' ')[1], verbs.join('|'));
  }
});

t.test('fish: it completes commands and profiles', { skip: missing('fish') }, async (t) => {
  const { env, home } = ready(t);
  const complete = async (line: string) => {
    const script = `'${process.execPath}' '${CLI}' completion fish | source; complete -C ${JSON.stringify(line)}`;
    const { stdout, stderr } = await run(t, ['fish', '-N', '-c', script], { env, cwd: home }).ended;
    t.equal(stderr, '');
    return stdout.trimEnd().split('\n');
  };
  t.match(await complete('credd whoa'), ['whoami\task AWS whom a profile']);
  t.same((await complete('credd whoami with')).sort(), ['with space', 'with-dash']);
  t.same(await complete('credd creds app'), ['app/prod €']);
  t.same(await complete('credd completion z'), ['zsh']);
  t.same(await complete('credd keys ro'), ['rotate']);
  t.same(await complete('credd service uni'), ['uninstall']);
});
