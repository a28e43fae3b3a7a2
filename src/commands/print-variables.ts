import type { SharedConfig } from '../aws/shared-config.js';
import { sourcesOf } from '../aws/warnings.js';
import type { Settings } from '../settings.js';
import type { Environment } from '../system/paths.js';
import { readAwsFiles } from './aws-files.js';
import { type CommandContext, UsageError } from './command.js';
import { regionVariables, SHADOWING } from './container-variables.js';

export interface Shell {
  set(name: string, value: string): string;
  unset?(name: string): string;
  /** Lines that do nothing where `env` or `exec` has set what they would: a shell that they start reads its files again. */
  giveWay?(lines: readonly string[]): string[];
}

/** Set by `env` and `exec`, and by what is a default never. */
const LEASED = 'AWS_CONTAINER_AUTHORIZATION_TOKEN';
/** Set by `exec` alone, also with `--no-session`. */
const EXEC = 'CREDD_PROFILE';

const shells: Record<string, Shell> = {
  sh: {
    set: (name, value) => `export ${name}='${value.replaceAll("'", "'\\''")}'`,
    unset: (name) => `unset ${name}`,
    giveWay: (lines) => [`if [ -z "\${${LEASED}-}\${${EXEC}-}" ]; then`, ...lines, 'fi'],
  },
  fish: {
    set: (name, value) => `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}'`,
    unset: (name) => `set -e ${name}`,
    giveWay: (lines) => [`if test -z "$${LEASED}$${EXEC}"`, ...lines, 'end'],
  },
  powershell: {
    set: (name, value) => `$Env:${name} = '${value.replaceAll("'", "''")}'`,
    unset: (name) => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`,
    giveWay: (lines) => [`if (-not ($Env:${LEASED} -or $Env:${EXEC})) {`, ...lines, '}'],
  },
  // `docker run --env-file` would take quotes for a part of the value.
  dotenv: {
    set: (name, value) => `${name}=${/^[\w.:/~@%+=,-]*$/.test(value) ? value : JSON.stringify(value)}`,
  },
};

/** @throws UsageError where it is none that credd knows */
export function shellNamed(name: unknown): Shell {
  const shell = Object.hasOwn(shells, String(name)) ? shells[String(name)] : undefined;
  if (shell) return shell;
  throw new UsageError(
    `--shell: "${name}" is not a shell that credd knows: use ${Object.keys(shells).join(', ')}`,
  );
}

/** Prints the variables of a lease and of the profile's region, and says what would go before them. */
export async function printVariables(options: {
  variables: Environment;
  profile: string;
  region: string | undefined;
  shell: Shell;
  settings: Settings;
  out: Pick<CommandContext, 'stdout' | 'stderr'>;
}): Promise<void> {
  const { variables, profile, shell, settings, out } = options;
  const shared = await readAwsFiles(settings.paths);
  const region = options.region ?? shared.profiles.get(profile)?.text('region');
  const all = Object.entries({ ...variables, ...regionVariables(region) });
  const unset = SHADOWING.flatMap((name) => shell.unset?.(name) ?? []);
  const set = all.flatMap(([name, value]) => (value === undefined ? [] : [shell.set(name, value)]));
  out.stdout.write(`${[...unset, ...set].join('\n')}\n`);
  out.stderr.write(warningOfDefault(shared));
}

/** SDKs come to the container endpoint only when the default profile gives them nothing. */
export function warningOfDefault({ profiles }: SharedConfig): string {
  const fallback = profiles.get('default');
  const [source] = fallback ? sourcesOf(fallback) : [];
  return fallback && source
    ? `credd: ${fallback.where()}: [default] has credentials of its own (${source}), and in nearly every SDK they go before these variables. Use credd exec, or give that profile another name.\n`
    : '';
}
