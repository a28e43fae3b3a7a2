import type { Grant } from '../access/leases.js';
import { readSharedConfig } from '../aws/shared-config.js';
import { hasStaticKeys } from '../aws/static-keys.js';
import { segmentOf } from '../http/segment.js';
import { readSettings } from '../settings.js';
import { type Command, text, UsageError } from './command.js';
import { connectToRunning } from './connect.js';
import { containerVariables, regionVariables, SHADOWING } from './container-variables.js';
import { milliseconds } from './duration.js';
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
  usage: 'env PROFILE [narrowing] [--shell sh|fish|powershell|dotenv] [--ttl 12h] [--region REGION]',
  help: `Prints the variables with which SDKs fetch the credentials of PROFILE from the running daemon.

  eval "$(credd env PROFILE)"

${NARROWING}`,
  takes: [1, 1],
  options: {
    shell: { type: 'string', value: 'SHELL', default: 'sh', help: 'sh, fish, powershell or dotenv' },
    ttl: {
      type: 'string',
      value: 'TIME',
      help: 'how long they are good for, as 30m or 12h; 12h unless said otherwise',
    },
    region: { type: 'string', value: 'REGION', help: "instead of the profile's own" },
    ...narrowingOptions,
  },
  async run({ positionals: [profile = ''], values, env, stdout, stderr }) {
    const shell = Object.hasOwn(shells, String(values.shell)) ? shells[String(values.shell)] : undefined;
    if (!shell)
      throw new UsageError(
        `"${values.shell}" is not a shell that credd knows: use ${Object.keys(shells).join(', ')}`,
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
      const grant = await daemon.ask<Grant>('POST', '/api/leases', { profile, narrowing, ttl });
      const region = text(values.region) ?? shared.profiles.get(profile)?.text('region');
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
