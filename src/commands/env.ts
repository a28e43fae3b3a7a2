import type { Grant } from '../access/leases.js';
import { readSharedConfig } from '../aws/shared-config.js';
import { hasStaticKeys } from '../aws/static-keys.js';
import { segmentOf } from '../http/segment.js';
import { readSettings } from '../settings.js';
import { type Command, text, UsageError } from './command.js';
import { connectToRunning } from './connect.js';
import { containerVariables, regionVariables, SHADOWING } from './container-variables.js';
import { milliseconds } from './duration.js';
import { globalForm, globalVariables } from './env-global.js';
import { NARROWING, narrowingOf, narrowingOptions, openBeside } from './narrowing-options.js';

interface Shell {
  set(name: string, value: string): string;
  unset?(name: string): string;
}

const shells: Record<string, Shell> = {
  sh: {
    set: (name, value) => `export ${name}='${value.replaceAll("'", "'\\''")}'`,
    unset: (name) => `unset ${name}`,
  },
  fish: {
    set: (name, value) => `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}'`,
    unset: (name) => `set -e ${name}`,
  },
  powershell: {
    set: (name, value) => `$Env:${name} = '${value.replaceAll("'", "''")}'`,
    unset: (name) => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`,
  },
  // `docker run --env-file` would take quotes for a part of the value.
  dotenv: {
    set: (name, value) => `${name}=${/^[\w.:/~@%+=,-]*$/.test(value) ? value : JSON.stringify(value)}`,
  },
};

export const command: Command = {
  usage:
    'env PROFILE [narrowing] [--shell sh|fish|powershell|dotenv] [--ttl 12h] [--region REGION] [--global]',
  help: `Prints the variables with which SDKs fetch the credentials of PROFILE from the running daemon.

  eval "$(credd env PROFILE)"

With --global they hold no token and do not end, for files that your whole desktop reads: environment.d, launchctl.

${NARROWING}`,
  takes: [1, 1],
  options: {
    shell: { type: 'string', value: 'SHELL', help: 'sh (unless said otherwise), fish, powershell or dotenv' },
    ttl: {
      type: 'string',
      value: 'TIME',
      help: 'how long they are good for, as 30m or 12h; 12h unless said otherwise',
    },
    region: { type: 'string', value: 'REGION', help: "instead of the profile's own" },
    ...narrowingOptions,
    global: { type: 'boolean', help: 'for all your programs, of the desktop too' },
  },
  async run({ positionals: [profile = ''], values, env, stdout, stderr }) {
    const named = text(values.shell) ?? 'sh';
    const shell = Object.hasOwn(shells, named) ? shells[named] : undefined;
    if (!shell)
      throw new UsageError(
        `"${named}" is not a shell that credd knows: use ${Object.keys(shells).join(', ')}`,
      );
    const ttl = milliseconds(text(values.ttl));
    const narrowing = narrowingOf(values);
    const settings = readSettings(env);
    const { awsConfig: config, awsCredentials: credentials, home } = settings.paths;
    const daemon = await connectToRunning(settings);
    try {
      const shared = await readSharedConfig({ config, credentials, home });
      if (narrowing) stderr.write(openBeside(profile, settings));
      else await daemon.ask('GET', `/api/sessions/${segmentOf(profile)}`);
      const region = text(values.region) ?? shared.profiles.get(profile)?.text('region');
      if (values.global) {
        if (narrowing) throw new UsageError('--global hands out no lease, so it cannot be narrowed');
        const form = values.shell === undefined ? globalForm(process.platform) : undefined;
        const set = Object.entries(globalVariables(daemon.url, profile, region, settings)).flatMap(
          ([name, value]) => (value === undefined ? [] : [(form ?? shell).set(name, value)]),
        );
        stdout.write(`${set.join('\n')}\n`);
        if (form && stdout.isTTY) stderr.write(`${form.hint}\n`);
        return 0;
      }
      const grant = await daemon.ask<Grant>('POST', '/api/leases', { profile, narrowing, ttl });
      const variables = Object.entries({
        ...containerVariables(daemon.url, grant),
        ...regionVariables(region),
      });
      const unset = SHADOWING.flatMap((name) => shell.unset?.(name) ?? []);
      const set = variables.flatMap(([name, value]) => (value === undefined ? [] : [shell.set(name, value)]));
      stdout.write(`${[...unset, ...set].join('\n')}\n`);
      const fallback = shared.profiles.get('default');
      if (fallback && hasStaticKeys(fallback)) {
        stderr.write(
          `credd: ${fallback.where('aws_access_key_id')}: keys in [default] go before these variables in nearly every SDK. Use credd exec, or remove them.\n`,
        );
      }
    } finally {
      await daemon.close();
    }
    return 0;
  },
};
