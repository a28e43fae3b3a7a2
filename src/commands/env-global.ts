import { CredentialError } from '../errors.js';
import { segmentOf } from '../http/segment.js';
import type { Settings } from '../settings.js';
import { readAwsFiles } from './aws-files.js';
import type { CommandContext } from './command.js';
import { regionVariables } from './container-variables.js';
import { type Shell, warningOfDefault } from './print-variables.js';

interface GlobalForm {
  set(name: string, value: string): string;
  /** Where a person puts the lines. */
  hint: string;
}

const ENVIRONMENT_D: GlobalForm = {
  // environment.d(5) expands variables, also within quotes and after a backslash.
  set: (name, value) => `${name}=${value.replace(/[\\"'\s]/g, '\\$&').replaceAll('$', '$$$$')}`,
  hint: 'For the programs of your desktop, from the next login on: credd env PROFILE --global > ~/.config/environment.d/90-credd.conf',
};

const LAUNCHCTL: GlobalForm = {
  set: (name, value) => `launchctl setenv ${name} '${value.replaceAll("'", "'\\''")}'`,
  hint: 'For the programs of your desktop that are started from now on until you log out: credd env PROFILE --global | sh',
};

function globalForm(platform: NodeJS.Platform): GlobalForm {
  return platform === 'darwin' ? LAUNCHCTL : ENVIRONMENT_D;
}

/**
 * The variables for programs that no command of ours starts, in the form of a shell or of what the desktop reads. A
 * lease would end under them, so they hold no token: credd sees by the connection that they are the person's own.
 * @throws CredentialError `TokenNeeded` where the profile is given only for a token
 */
export async function printGlobal(options: {
  url: string;
  profile: string;
  region: string | undefined;
  shell: Shell | undefined;
  settings: Settings;
  out: Pick<CommandContext, 'stdout' | 'stderr'>;
}): Promise<void> {
  const { url, profile, shell, settings, out } = options;
  if (settings.profile(profile).access === 'token') throw tokenNeeded(profile, settings.paths.configFile);
  const shared = await readAwsFiles(settings.paths);
  const region = options.region ?? shared.profiles.get(profile)?.text('region');
  const variables = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/creds/${segmentOf(profile)}`,
    ...regionVariables(region),
  };
  const form = globalForm(process.platform);
  const set = Object.entries(variables).flatMap(([name, value]) =>
    value ? [(shell ?? form).set(name, value)] : [],
  );
  const lines = shell?.giveWay?.(set) ?? set;
  out.stdout.write(`${lines.join('\n')}\n`);
  out.stderr.write(warningOfDefault(shared));
  if (!shell && out.stdout.isTTY) out.stderr.write(`${form.hint}\n`);
}

function tokenNeeded(profile: string, configFile: string): CredentialError {
  return new CredentialError(
    'TokenNeeded',
    403,
    `Profile "${profile}" is given only for a token (access = token in ${configFile}), so it cannot be a default for all programs. Use credd exec, or change that line.`,
  );
}
