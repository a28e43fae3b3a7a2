import { RESOLVING } from '../aws/profile-program.js';
import { CredentialError } from '../errors.js';
import { segmentOf } from '../http/segment.js';
import { ecsBody, type RoleSession, wireTime } from '../sessions/role-session.js';
import { type Command, UsageError } from './command.js';
import { withDaemonOf } from './connect.js';

const formats: Record<string, (session: RoleSession) => string> = {
  ecs,
  sts,
  process: processFormat,
  env: exports,
};

export const command: Command = {
  usage: 'creds PROFILE [--format ecs|sts|process|env]',
  help: `Prints one role session of PROFILE to stdout.

  ecs      the body that SDKs fetch from the daemon
  sts      as \`aws sts assume-role\` prints it
  process  for credential_process in ~/.aws/config
  env      exports for a shell: eval "$(credd creds PROFILE --format env)"`,
  takes: [1, 1],
  options: { format: { type: 'string', value: 'FORMAT', default: 'ecs', help: 'ecs, sts, process or env' } },
  async run({ positionals: [profile = ''], values, env, stdout }) {
    const format = Object.hasOwn(formats, String(values.format)) ? formats[String(values.format)] : undefined;
    if (!format)
      throw new UsageError(
        `--format: "${values.format}" is not a format: use ${Object.keys(formats).join(', ')}`,
      );
    if (env[RESOLVING]?.split('\n').includes(profile)) throw askedForItself(profile);
    await withDaemonOf(env, async (daemon) => {
      const session = await daemon.ask<RoleSession>('GET', `/api/sessions/${segmentOf(profile)}`);
      stdout.write(`${format(session)}\n`);
    });
    return 0;
  },
};

function ecs(session: RoleSession): string {
  return ecsBody(session).toString();
}

function sts(session: RoleSession): string {
  const user = session.assumedRoleUser;
  const answer = {
    Credentials: {
      AccessKeyId: session.accessKeyId,
      SecretAccessKey: session.secretAccessKey,
      SessionToken: session.sessionToken,
      Expiration: wireTime(session.expiration).replace('Z', '+00:00'),
    },
    ...(user ? { AssumedRoleUser: { AssumedRoleId: user.assumedRoleId, Arn: user.arn } } : {}),
  };
  return JSON.stringify(answer, null, 4);
}

function processFormat(session: RoleSession): string {
  return JSON.stringify({
    Version: 1,
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey,
    SessionToken: session.sessionToken,
    Expiration: wireTime(session.expiration),
    AccountId: session.accountId,
  });
}

function exports(session: RoleSession): string {
  return [
    `export AWS_ACCESS_KEY_ID='${session.accessKeyId}'`,
    `export AWS_SECRET_ACCESS_KEY='${session.secretAccessKey}'`,
    `export AWS_SESSION_TOKEN='${session.sessionToken}'`,
    `export AWS_CREDENTIAL_EXPIRATION='${wireTime(session.expiration)}'`,
  ].join('\n');
}

function askedForItself(profile: string): CredentialError {
  return new CredentialError(
    'InfiniteLoop',
    400,
    `Profile "${profile}" gets its credentials from credd, which gets them from profile "${profile}". Give it another source than credential_process = credd creds ${profile}.`,
  );
}
