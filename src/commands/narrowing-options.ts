import { readFileSync } from 'node:fs';
import { isNarrow, type Narrowing } from '../aws/narrowing.js';
import { checkNarrowing, tooManyAllow } from '../aws/narrowing-check.js';
import { checkPolicy } from '../aws/policy-document.js';
import { CredentialError } from '../errors.js';
import type { Settings } from '../settings.js';
import { type CommandContext, type CommandOption, flagged, text, UsageError } from './command.js';
import { milliseconds } from './duration.js';

/** For every command that gives a lease. */
export const narrowingOptions: Readonly<Record<string, CommandOption>> = {
  policy: { type: 'string', value: 'FILE', help: 'allow what this session policy allows, and no more' },
  'policy-arn': {
    type: 'string',
    multiple: true,
    value: 'ARN',
    help: 'the same, with a managed policy; may be given several times',
  },
  'read-only': { type: 'boolean', help: "allow no more than AWS's own ReadOnlyAccess" },
  'source-ip': {
    type: 'string',
    value: 'auto|CIDR',
    help: 'good only from this address; auto: from this machine',
  },
  duration: { type: 'string', value: 'TIME', help: 'how long a session lasts, from 15m to 12h' },
  'session-name': { type: 'string', value: 'NAME', help: 'the name of the session in CloudTrail' },
  'source-identity': {
    type: 'string',
    value: 'NAME',
    help: 'who is behind it, for CloudTrail and conditions',
  },
  tag: {
    type: 'string',
    multiple: true,
    value: 'KEY=VALUE',
    help: 'a session tag; may be given several times',
  },
  'transitive-tag': {
    type: 'string',
    multiple: true,
    value: 'KEY',
    help: 'a tag that the sessions after it keep',
  },
};

export const NARROWING = `Narrowing limits what the credentials are good for, beyond what the profile's own settings say:
one of --policy, --policy-arn and --read-only, and any of the others.`;

/**
 * What the options say, if they say anything.
 * @throws UsageError, or CredentialError where a policy is malformed
 */
export function narrowingOf(values: CommandContext['values']): Narrowing | undefined {
  const allowed = [
    values.policy !== undefined && { policy: policyIn(text(values.policy) ?? '') },
    values['policy-arn'] !== undefined && { policyArns: texts(values['policy-arn']) },
    values['read-only'] === true && { readOnly: true as const },
  ].filter((it) => it !== false);
  const duration = milliseconds('--duration', text(values.duration));
  const address = text(values['source-ip']);
  const given: Narrowing = {
    ...(allowed[0] ? { allowed: allowed[0] } : {}),
    addresses: address === undefined ? undefined : [address],
    durationSeconds: duration === undefined ? undefined : duration / 1000,
    sessionName: text(values['session-name']),
    sourceIdentity: text(values['source-identity']),
    tags: values.tag === undefined ? undefined : tagsIn(texts(values.tag)),
    transitiveTags: values['transitive-tag'] === undefined ? undefined : texts(values['transitive-tag']),
  };
  if (allowed.length > 1) throw new UsageError(tooManyAllow().message);
  const narrowing: Narrowing = Object.assign({}, ...Object.entries(given).map(checked));
  return isNarrow(narrowing) ? narrowing : undefined;
}

/** Without a token a `same-user` profile gives every process of its person more than this lease may have. */
export function openBeside(profile: string, { profile: settingsOf, paths }: Settings): string {
  if (settingsOf(profile).access === 'token') return '';
  const name = /\s/.test(profile) ? `"${profile}"` : profile;
  return `credd: "${profile}" is narrowed here, but its daemon gives it whole to any process of yours that asks without a token. To close that, write access = token under [profile ${name}] in ${paths.configFile}\n`;
}

function tagsIn(pairs: string[]): Record<string, string> {
  const tags = new Map<string, string>();
  for (const pair of pairs) {
    // A value may hold another `=`.
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--tag: "${pair}" is not a tag: write it as KEY=VALUE`);
    const key = pair.slice(0, at);
    if (tags.has(key)) throw new UsageError(`--tag: "${key}" has two values: give it one`);
    tags.set(key, pair.slice(at + 1));
  }
  return Object.fromEntries(tags);
}

function policyIn(file: string): string {
  try {
    return checkPolicy(readFileSync(file, 'utf8'), `The policy in ${file}`);
  } catch (error) {
    if (error instanceof CredentialError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(
      `--policy: the policy in ${file || 'no file'} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : message}`,
    );
  }
}

function texts(value: CommandContext['values'][string]): string[] {
  return [value].flat().filter((it) => typeof it === 'string');
}

const FLAGS: Readonly<Record<string, string>> = {
  allowed: '--policy-arn',
  addresses: '--source-ip',
  durationSeconds: '--duration',
  sessionName: '--session-name',
  sourceIdentity: '--source-identity',
  tags: '--tag',
  transitiveTags: '--transitive-tag',
};

function checked([kind, value]: [string, unknown]): Narrowing {
  return flagged(FLAGS[kind] ?? kind, () => checkNarrowing({ [kind]: value }));
}
