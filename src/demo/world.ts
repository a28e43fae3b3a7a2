import type { Clock } from '../system/clock.js';
import {
  longTermKeyId,
  parseRoleArn,
  randomSecret,
  randomSessionToken,
  temporaryKeyId,
  uniqueId,
} from './identifiers.js';

export interface User {
  accountId: string;
  name: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** With a device registered, any six digits but `000000` are a good code, once. */
  mfaSerial?: string;
}

export interface Role {
  arn: string;
  /** Who may assume it: account ids, principal ARNs, issuers of web identity tokens, or `*`. */
  trusts: readonly string[];
  externalId?: string;
  /** Seconds; 3600 if unset. */
  maxSessionDuration?: number;
  requiresMfa?: boolean;
}

export interface WebIdentity {
  token: string;
  issuer: string;
  subject: string;
  audience: string;
  /** Milliseconds since the epoch. */
  expiresAt?: number;
}

/** What GetCallerIdentity says of somebody, and the ARN of the role behind a role session. */
export interface Principal {
  kind: 'user' | 'role' | 'federated-user';
  accountId: string;
  arn: string;
  userId: string;
  roleArn?: string;
}

/** What a session was asked for; kept so that tests can look at it. */
export interface SessionDetails {
  policy?: string;
  policyArns?: string[];
  tags?: Record<string, string>;
  transitiveTagKeys?: string[];
  sourceIdentity?: string;
  serialNumber?: string;
}

export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
  principal: Principal;
  mfaSerial?: string;
  /** Takes a code, unless it was taken before. */
  mfaCodes?: (code: string) => boolean;
  /** A key that its user has deactivated. */
  inactive?: boolean;
}

export interface Session extends AccessKey {
  sessionToken: string;
  /** Milliseconds since the epoch, in whole seconds as AWS gives it. */
  expiration: number;
  details: SessionDetails;
}

export interface WorldOptions {
  users?: readonly User[];
  roles?: readonly Role[];
  /** Roles by the thousand: asked for every ARN that is not among `roles`. */
  roleFor?: (arn: string) => Role | undefined;
  webIdentities?: readonly WebIdentity[];
}

/** The accounts, people, roles and sessions of the simulated AWS. May be changed while it runs. */
export class World {
  /** Seconds that every new session lives, whatever was asked for; undefined: what was asked for. */
  sessionLifetime: number | undefined;
  readonly webIdentities: WebIdentity[];
  readonly #clock: Clock;
  readonly #keys = new Map<string, AccessKey | Session>();
  readonly #spent = new Set<string>();
  readonly #roles = new Map<string, Role>();
  readonly #roleFor: (arn: string) => Role | undefined;

  constructor(options: WorldOptions, clock: Clock) {
    this.#clock = clock;
    this.#roleFor = options.roleFor ?? (() => undefined);
    this.webIdentities = [...(options.webIdentities ?? [])];
    for (const user of options.users ?? []) this.addUser(user);
    for (const role of options.roles ?? []) this.addRole(role);
  }

  addUser({ accountId, name, accessKeyId, secretAccessKey, mfaSerial }: User): void {
    const arn = `arn:aws:iam::${accountId}:user/${name}`;
    const principal: Principal = { kind: 'user', accountId, arn, userId: uniqueId('AIDA', arn) };
    const mfaCodes = (code: string) => this.#spend(`${mfaSerial} ${code}`);
    this.#keys.set(accessKeyId, { accessKeyId, secretAccessKey, principal, mfaSerial, mfaCodes });
  }

  #spend(code: string): boolean {
    if (this.#spent.has(code)) return false;
    this.#spent.add(code);
    return true;
  }

  addRole(role: Role): void {
    this.#roles.set(role.arn, role);
  }

  removeRole(arn: string): void {
    this.#roles.delete(arn);
  }

  role(arn: string): Role | undefined {
    return this.#roles.get(arn) ?? this.#roleFor(arn);
  }

  key(accessKeyId: string): AccessKey | Session | undefined {
    return this.#keys.get(accessKeyId);
  }

  /** Takes a key or a session out of the world: from now on it is an invalid client token. */
  revoke(accessKeyId: string): void {
    this.#keys.delete(accessKeyId);
  }

  /** Ends a session now, as if its time had run out. */
  expire(accessKeyId: string): void {
    const session = this.session(accessKeyId);
    if (session) session.expiration = this.#clock.now();
  }

  /** The long-term keys of a user. */
  keysOf(userArn: string): AccessKey[] {
    return [...this.#keys.values()].filter((key) => !isSession(key) && key.principal.arn === userArn);
  }

  createKey(userArn: string): AccessKey {
    const known = this.keysOf(userArn)[0];
    if (!known) throw new Error(`no user ${userArn}`);
    const key = { ...known, accessKeyId: longTermKeyId(), secretAccessKey: randomSecret(), inactive: false };
    this.#keys.set(key.accessKeyId, key);
    return key;
  }

  session(accessKeyId: string): Session | undefined {
    const key = this.#keys.get(accessKeyId);
    return key && isSession(key) ? key : undefined;
  }

  sessions(): Session[] {
    return [...this.#keys.values()].filter(isSession);
  }

  issue(principal: Principal, seconds: number, details: SessionDetails = {}): Session {
    const lifetime = this.sessionLifetime ?? seconds;
    const session = {
      accessKeyId: temporaryKeyId(),
      secretAccessKey: randomSecret(),
      sessionToken: randomSessionToken(),
      expiration: (Math.floor(this.#clock.now() / 1000) + lifetime) * 1000,
      principal,
      details,
    };
    this.#keys.set(session.accessKeyId, session);
    return session;
  }

  hasExpired(key: AccessKey | Session): boolean {
    return isSession(key) && key.expiration <= this.#clock.now();
  }

  now(): number {
    return this.#clock.now();
  }
}

export const isSession = (key: AccessKey | Session): key is Session => 'sessionToken' in key;

/** The principal that a session of a role is. `arn` must be the ARN of a role. */
export function rolePrincipal(arn: string, sessionName: string): Principal {
  const role = parseRoleArn(arn);
  if (!role) throw new Error(`not the ARN of a role: ${arn}`);
  return {
    kind: 'role',
    accountId: role.accountId,
    arn: `arn:${role.partition}:sts::${role.accountId}:assumed-role/${role.name}/${sessionName}`,
    userId: `${uniqueId('AROA', arn)}:${sessionName}`,
    roleArn: arn,
  };
}

export function trusts(role: Role, { accountId, arn, roleArn }: Principal): boolean {
  const names = new Set(['*', accountId, `arn:aws:iam::${accountId}:root`, arn, roleArn]);
  return role.trusts.some((trusted) => names.has(trusted));
}
