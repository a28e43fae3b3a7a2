import { createHash } from 'node:crypto';
import type { Narrowing } from './narrowing.js';

/** Where and how one AWS service is called. */
export interface Site {
  region: string;
  endpoint?: string;
  fips?: true;
  dualstack?: true;
  caBundle?: string;
}

/** The device whose code a step needs. */
export interface MfaDevice {
  serial: string;
  /** A command that prints the code, where nobody is to be asked: not part of what determines the step. */
  codeProcess?: string;
}

interface Held {
  /** The profile that the step was read from: for messages, not part of what determines the step. */
  profile: string;
}

export interface KeysStep extends Held {
  kind: 'keys';
  /** As a person would say it: "access key", "keys in the environment". */
  origin: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: number;
}

/** Long-term keys in credd's keychain, under the name of their profile. */
export interface KeptKeysStep extends Held {
  kind: 'kept-keys';
  name: string;
  accessKeyId: string;
}

export interface ProcessStep extends Held {
  kind: 'process';
  command: string;
}

/** Makes what a file or a process gave into something SDKs take: with a token and an expiration. */
export interface SessionTokenStep extends Held {
  kind: 'session-token';
  of: KeysStep | KeptKeysStep | ProcessStep;
  durationSeconds?: number;
  sts: Site;
  mfa?: MfaDevice;
}

/** A session of long-term keys that is narrowed. */
export interface FederationTokenStep extends Held {
  kind: 'federation-token';
  of: KeysStep | KeptKeysStep;
  name: string;
  durationSeconds: number;
  narrowing: Narrowing;
  sts: Site;
}

export interface SsoRoleStep extends Held {
  kind: 'sso-role';
  /** The sso-session's name, or undefined for the legacy form. */
  session?: string;
  startUrl: string;
  accountId: string;
  roleName: string;
  sso: Site;
}

/** A console sign-in that `aws login` keeps in the CLI's cache. */
export interface LoginStep extends Held {
  kind: 'login';
  /** What the profile's login_session says. */
  session: string;
  signin: Site;
}

export interface WebIdentityStep extends Held {
  kind: 'web-identity';
  roleArn: string;
  sessionName: string;
  durationSeconds: number;
  tokenFile: string;
  narrowing?: Narrowing;
  sts: Site;
}

/** Credentials of the container or the EC2 instance that credd itself runs in. */
export interface MachineStep extends Held {
  kind: 'container' | 'instance';
}

export interface AssumeRoleStep extends Held {
  kind: 'assume-role';
  roleArn: string;
  sessionName: string;
  durationSeconds: number;
  externalId?: string;
  narrowing?: Narrowing;
  sts: Site;
  mfa?: MfaDevice;
}

export type SourceStep =
  | KeysStep
  | KeptKeysStep
  | ProcessStep
  | SessionTokenStep
  | FederationTokenStep
  | SsoRoleStep
  | LoginStep
  | WebIdentityStep
  | MachineStep;
export type Step = SourceStep | AssumeRoleStep;

/** One source, then zero or more assumed roles. */
export type Steps = readonly [SourceStep, ...AssumeRoleStep[]];

export interface Chain {
  profile: string;
  steps: Steps;
  /** One for each step: a hash of everything that determines its credentials. */
  keys: readonly string[];
  /** Where STS is called in the profile's own name. */
  sts: Site;
}

export function chainOf(profile: string, steps: Steps, sts: Site): Chain {
  let above = '';
  const keys = steps.map((step) => {
    above = createHash('sha256').update(above).update(determining(step)).digest('hex');
    return above;
  });
  return { profile, steps, keys, sts };
}

function determining(step: Step): string {
  return JSON.stringify(step, (name, value) =>
    name === 'profile' || name === 'codeProcess' ? undefined : value,
  );
}

/** How a profile gets its credentials, as `sso wellcome -> role platform-developer`. */
export function describe(steps: Steps): string {
  return steps.map(describeStep).join(' -> ');
}

function describeStep(step: Step): string {
  switch (step.kind) {
    case 'keys':
      return step.sessionToken ? `${step.origin} with session token` : step.origin;
    case 'kept-keys':
      return 'access key in the keychain';
    case 'process':
      return `process ${programOf(step.command)}`;
    case 'session-token':
      if (step.mfa) return `${describeStep(step.of)} -> MFA session`;
      return isLongTerm(step.of) ? `${describeStep(step.of)} -> session` : describeStep(step.of);
    case 'federation-token':
      return `${describeStep(step.of)} -> federated session, narrowed`;
    case 'sso-role':
      return `sso ${step.session ?? ssoName(step.startUrl)} -> role ${step.roleName}`;
    case 'login':
      return 'aws login';
    case 'web-identity':
      return `web identity -> role ${roleName(step.roleArn)}${narrowedOr(step)}`;
    case 'container':
      return 'container';
    case 'instance':
      return 'EC2 instance';
    case 'assume-role':
      return `role ${roleName(step.roleArn)}${step.mfa ? ' with MFA' : ''}${narrowedOr(step)}`;
  }
}

/** Keys that last until somebody takes them away. */
export function isLongTerm(step: Step): step is KeysStep | KeptKeysStep {
  return step.kind === 'kept-keys' || (step.kind === 'keys' && !step.sessionToken);
}

function narrowedOr({ narrowing }: AssumeRoleStep | WebIdentityStep): string {
  return narrowing?.allowed || narrowing?.addresses ? ', narrowed' : '';
}

/** The first word of the command, perhaps in quotes; arguments may be secrets. */
function programOf(command: string): string {
  const [, double, single, bare = ''] = /^\s*(?:"([^"]*)"|'([^']*)'|(\S*))/.exec(command) ?? [];
  return double ?? single ?? bare;
}

/** `https://wellcome.awsapps.com/start/#` is known as `wellcome`. */
function ssoName(startUrl: string): string {
  return /^https?:\/\/([^./]+)\.awsapps\.com/.exec(startUrl)?.[1] ?? startUrl;
}

export function roleName(roleArn: string): string {
  return roleArn.split('/').at(-1) || roleArn;
}

export function accountOf(roleArn: string): string | undefined {
  return /^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(roleArn)?.[1];
}
