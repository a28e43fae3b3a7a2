import { rm } from 'node:fs/promises';
import { isatty } from 'node:tty';
import type { Grant } from '../access/lease.js';
import type { Credentials } from '../aws/credentials.js';
import { isNarrow, type Narrowing } from '../aws/narrowing.js';
import { unknownProfile } from '../aws/profile-error.js';
import { staticKeys } from '../aws/static-keys.js';
import { CredentialError } from '../errors.js';
import { segmentOf } from '../http/segment.js';
import { isSignedOut } from '../sessions/session-error.js';
import { readSettings, type Settings } from '../settings.js';
import type { Environment } from '../system/paths.js';
import { readAwsFiles } from './aws-files.js';
import { type Command, type CommandContext, text, UsageError } from './command.js';
import { type DaemonClient, withDaemon } from './connect.js';
import { containerVariables, regionGiven, regionVariables, SHADOWING } from './container-variables.js';
import { milliseconds } from './duration.js';
import { keysUrl } from './kept-keys.js';
import { orCode } from './login-mfa.js';
import { NARROWING, narrowingOf, narrowingOptions, openBeside } from './narrowing-options.js';
import { removeOwnFolder } from './own-folder.js';
import { agrees, canAsk } from './prompt.js';
import { runChild } from './run-child.js';
import { writeShadowConfig } from './shadow-config.js';
import { signInHere } from './sign-in-here.js';

export const command: Command = {
  usage: 'exec PROFILE [narrowing] [--ttl TIME] [--region REGION] [--no-session] [-- COMMAND...]',
  help: `Runs COMMAND, or your shell, so that every SDK in it gets the credentials of PROFILE, fresh for as long as it runs.
The other profiles stay usable inside, unless it is narrowed: aws --profile OTHER ...

${NARROWING}

Its exit code is that of COMMAND: 127 when there is no such command, 126 when it cannot be run, as in a shell.`,
  takes: [1, Number.POSITIVE_INFINITY],
  options: {
    ttl: {
      type: 'string',
      value: 'TIME',
      help: 'end the access after this time, as 30m or 1h; with COMMAND unless said',
    },
    region: { type: 'string', value: 'REGION', help: "instead of the profile's own" },
    ...narrowingOptions,
    'no-session': { type: 'boolean', help: "put the profile's long-term keys into the environment instead" },
  },
  async run({ positionals: [profile = '', ...words], values, env, stderr }) {
    const settings = readSettings(env);
    const ttl = milliseconds('--ttl', text(values.ttl));
    const command = words.length > 0 ? words : [env.SHELL || '/bin/sh'];
    const narrowing = narrowingOf(values);
    if (narrowing && values['no-session'])
      throw new UsageError('Long-term keys cannot be narrowed: leave out --no-session');
    const job = { settings, profile, narrowing, region: regionGiven(values), command, stderr };
    return values['no-session'] ? withRawKeys(job) : withLease(job, ttl);
  },
};

interface Job {
  settings: Settings;
  profile: string;
  narrowing: Narrowing | undefined;
  region: string | undefined;
  command: string[];
  stderr: CommandContext['stderr'];
}

async function withLease(job: Job, ttl: number | undefined): Promise<number> {
  const { settings, profile, narrowing } = job;
  return withDaemon(settings, async (daemon) => {
    const take = async () => {
      if (!narrowing) await daemon.ask('GET', `/api/sessions/${segmentOf(profile)}`);
      return daemon.ask<Grant>('POST', '/api/leases', { profile, narrowing, ttl, pid: process.pid });
    };
    const grant = await orSignIn(daemon, job, () => orCode(daemon, profile, job.stderr, take));
    if (narrowing) job.stderr.write(openBeside(profile, settings));
    try {
      return await run(job, containerVariables(daemon.url, grant));
    } finally {
      await daemon.ask('DELETE', `/api/leases/${grant.lease.id}`).catch(() => forgetToken(grant));
    }
  });
}

/** Where it needs a sign-in, and there is a person, that is offered. */
async function orSignIn<T>(daemon: DaemonClient, job: Job, take: () => Promise<T>): Promise<T> {
  const { profile, settings, stderr } = job;
  try {
    return await take();
  } catch (error) {
    if (!isSignedOut(error) || !canAsk()) throw error;
    stderr.write(`${(error as Error).message}\n`);
    if (!(await agrees('Sign in now?'))) throw error;
    await signInHere(daemon, { name: profile }, { env: settings.env, stderr });
    return take();
  }
}

/** Where the daemon has stopped in between. */
async function forgetToken({ lease }: Grant): Promise<void> {
  if (lease.tokenFile) await rm(lease.tokenFile, { force: true });
}

/** The profile's long-term keys themselves, for what AWS allows no session to do. */
async function withRawKeys(job: Job): Promise<number> {
  if (isNarrow(job.settings.profile(job.profile).narrowing)) throw narrowedBySettings(job.profile);
  const config = await readAwsFiles(job.settings.paths);
  const section = config.profiles.get(job.profile);
  if (!section) throw unknownProfile(job.profile, config);
  const keys = staticKeys(section, 'credentials') ?? staticKeys(section, 'config') ?? (await keptKeys(job));
  if (!keys) {
    throw new CredentialError(
      'NoStaticKeys',
      400,
      `Profile "${job.profile}" has no keys of its own: leave out --no-session.`,
    );
  }
  return run(job, {
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    ...(keys.sessionToken ? { AWS_SESSION_TOKEN: keys.sessionToken } : {}),
  });
}

async function keptKeys({ settings, profile }: Job): Promise<Credentials | undefined> {
  return withDaemon(settings, async (daemon) => {
    try {
      return await daemon.ask<Credentials>('GET', keysUrl(profile));
    } catch (error) {
      if (error instanceof CredentialError && error.code === 'NoKeptKeys') return undefined;
      throw error;
    }
  });
}

/** Runs the command with `credentials` among its variables, and nothing that would go before them. */
async function run(job: Job, credentials: Environment): Promise<number> {
  const { settings, profile, narrowing, region, command, stderr } = job;
  try {
    const config = await readAwsFiles(settings.paths);
    const ownRegion = config.profiles.get(profile)?.text('region');
    const variables: Environment = {
      ...Object.fromEntries(Object.entries(settings.env).filter(([name]) => !SHADOWING.includes(name))),
      ...credentials,
      ...regionVariables(region ?? ownRegion),
      ...(await writeShadowConfig({
        config,
        profile,
        alone: isNarrow(narrowing) || isNarrow(settings.profile(profile).narrowing),
        settings,
      })),
      CREDD_PROFILE: profile,
    };
    if (isatty(2) && !variables.AWS_REGION && !variables.AWS_DEFAULT_REGION) stderr.write(noRegion(profile));
    return await runChild(command, variables, stderr);
  } finally {
    await removeOwnFolder(settings);
  }
}

/** Most programs fail without one, and none of them says where it would come from here. */
function noRegion(profile: string): string {
  return `credd: profile "${profile}" has no region: use --region, or add region = eu-west-1 (or yours) to it.\n`;
}

function narrowedBySettings(profile: string): CredentialError {
  return new CredentialError(
    'CannotBeNarrowed',
    400,
    `credd's settings narrow profile "${profile}", and its long-term keys cannot be narrowed: leave out --no-session.`,
  );
}
