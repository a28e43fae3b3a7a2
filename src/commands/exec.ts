import type { Grant } from '../access/leases.js';
import { readSharedConfig } from '../aws/shared-config.js';
import { staticKeys } from '../aws/static-keys.js';
import { CredentialError } from '../errors.js';
import { segmentOf } from '../http/segment.js';
import { readSettings, type Settings } from '../settings.js';
import type { Environment } from '../system/paths.js';
import { type Command, text } from './command.js';
import { connect } from './connect.js';
import { containerVariables, SHADOWING } from './container-variables.js';
import { milliseconds } from './duration.js';
import { runChild } from './run-child.js';
import { writeShadowConfig } from './shadow-config.js';

export const command: Command = {
  usage: 'exec PROFILE [--ttl TIME] [--region REGION] [--no-session] [-- COMMAND...]',
  help: `Runs COMMAND, or your shell, so that every SDK in it gets the credentials of PROFILE, fresh for as long as it runs.
The other profiles stay usable inside.`,
  takes: [1, Number.POSITIVE_INFINITY],
  options: {
    ttl: {
      type: 'string',
      value: 'TIME',
      help: 'end the access after this time, as 30m or 1h; with COMMAND unless said',
    },
    region: { type: 'string', value: 'REGION', help: "instead of the profile's own" },
    'no-session': { type: 'boolean', help: "put the profile's long-term keys into the environment instead" },
  },
  async run({ positionals: [profile = '', ...words], values, env }) {
    const settings = readSettings(env);
    const ttl = milliseconds(text(values.ttl));
    const region = text(values.region);
    const command = words.length > 0 ? words : [env.SHELL || '/bin/sh'];
    if (values['no-session']) return withRawKeys(settings, profile, region, command);
    return withLease(settings, profile, region, ttl, command);
  },
};

async function withLease(
  settings: Settings,
  profile: string,
  region: string | undefined,
  ttl: number | undefined,
  command: string[],
): Promise<number> {
  const daemon = await connect(settings);
  try {
    await daemon.ask('GET', `/api/sessions/${segmentOf(profile)}`);
    const grant = await daemon.ask<Grant>('POST', '/api/leases', { profile, ttl, pid: process.pid });
    const config = await sharedConfig(settings);
    const shadow = await writeShadowConfig({ config, profile, settings });
    try {
      const own = region ?? config.profiles.get(profile)?.text('region');
      return await runChild(command, {
        ...without(settings.env, SHADOWING),
        ...containerVariables(daemon.url, grant, own),
        ...shadow.variables,
        CREDD_PROFILE: profile,
      });
    } finally {
      await shadow.remove();
      await daemon.ask('DELETE', `/api/leases/${grant.lease.id}`).catch(() => {});
    }
  } finally {
    await daemon.close();
  }
}

/** The profile's long-term keys themselves, for what AWS allows no session to do. */
async function withRawKeys(
  settings: Settings,
  profile: string,
  region: string | undefined,
  command: string[],
): Promise<number> {
  const config = await sharedConfig(settings);
  const section = config.profiles.get(profile);
  const keys = section && (staticKeys(section, 'credentials') ?? staticKeys(section, 'config'));
  if (!keys) {
    throw new CredentialError(
      'NoStaticKeys',
      400,
      `Profile "${profile}" has no keys of its own: leave out --no-session.`,
    );
  }
  const own = region ?? section.text('region');
  return runChild(command, {
    ...without(settings.env, SHADOWING),
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    ...(keys.sessionToken ? { AWS_SESSION_TOKEN: keys.sessionToken } : {}),
    ...(own ? { AWS_REGION: own, AWS_DEFAULT_REGION: own } : {}),
    CREDD_PROFILE: profile,
  });
}

function sharedConfig({ paths }: Settings) {
  return readSharedConfig({ config: paths.awsConfig, credentials: paths.awsCredentials, home: paths.home });
}

function without(env: Environment, names: readonly string[]): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}
