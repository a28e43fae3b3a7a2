import type { ListedProfile } from '../aws/profile-list.js';
import type { Warning } from '../aws/warnings.js';
import type { SignInState } from '../sessions/sign-in.js';
import { findPaths, type Paths } from '../system/paths.js';
import { readAwsFiles } from './aws-files.js';
import type { Command, CommandContext } from './command.js';
import { withDaemonOf } from './connect.js';
import { signInTable } from './sign-in-table.js';
import { printable, table } from './words.js';

interface Listing {
  profiles: ListedProfile[];
  warnings: Warning[];
  signIns: SignInState[];
}

export const command: Command = {
  usage: 'list [--json]',
  help: 'Lists the profiles, how each gets its credentials, and what is wrong with them.',
  takes: [0, 0],
  options: {
    json: { type: 'boolean', help: 'for a program' },
    names: { type: 'boolean', help: 'the names alone, a line each' },
  },
  async run({ values, env, stdout, stderr }) {
    const paths = findPaths(env);
    if (values.names) return printNames(paths, stdout);
    const listing = await withDaemonOf(env, (daemon) => daemon.ask<Listing>('GET', '/api/profiles'));
    if (values.json) stdout.write(`${JSON.stringify(listing, null, 2)}\n`);
    else print(listing, paths, stdout, stderr);
    return 0;
  },
};

async function printNames(paths: Paths, stdout: CommandContext['stdout']): Promise<number> {
  const { profiles } = await readAwsFiles(paths);
  stdout.write([...profiles.keys()].map((name) => `${name}\n`).join(''));
  return 0;
}

function print(
  { profiles, warnings, signIns }: Listing,
  paths: Paths,
  stdout: CommandContext['stdout'],
  stderr: CommandContext['stderr'],
): void {
  if (profiles.length === 0) stderr.write(zeroState(paths));
  else stdout.write(table(['PROFILE', 'CREDENTIALS', 'REGION'], profiles.map(row)));
  const told = (profile: string, problem: string) =>
    warnings.some((warning) => warning.profile === profile && problem.includes(placeOf(warning)));
  const problems = profiles.flatMap(({ profile, problem }) =>
    problem && !told(profile, problem.message) ? [problem] : [],
  );
  const lines = [...warnings, ...problems].map(({ message }) => `  ${printable(message)}\n`);
  if (lines.length > 0)
    stderr.write(
      `\n${lines.length === 1 ? 'One thing' : `${lines.length} things`} to look at:\n${lines.join('')}`,
    );
  if (signIns.length > 0) stderr.write(`\n${signInTable(signIns, Date.now())}`);
}

function row({ profile, source, region }: ListedProfile): string[] {
  return [printable(profile), printable(source ?? 'none, see below'), printable(region ?? '-')];
}

/** `~/.aws/config:12`, with which its message begins. */
function placeOf({ message }: Warning): string {
  return message.split(': ', 1)[0] ?? '';
}

function zeroState({ awsConfig, awsCredentials }: Paths): string {
  return `There are no profiles yet, neither in ${awsConfig} nor in ${awsCredentials}.

  Question by question:      credd setup
  To try credd without AWS:  credd demo
`;
}
