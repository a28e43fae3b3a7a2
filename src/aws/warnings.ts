import type { ConfigSection, Entry } from './config-section.js';
import type { ProfileSection, SharedConfig } from './shared-config.js';
import { type Finding, VALUE_CHECKS } from './value-checks.js';

/** Something wrong or surprising in the shared config files; `message` says where, and what to do. Holds no secret. */
export interface Warning {
  message: string;
  profile?: string;
  path?: string;
  line?: number;
}

export function configWarnings(config: SharedConfig): Warning[] {
  return [
    ...config.problems.map(({ message, where, severity: _, ...rest }) => ({
      ...rest,
      message: `${where}: ${message}`,
    })),
    ...readableByOthers(config),
    ...[...config.profiles.values()].flatMap((profile) => profileWarnings(profile, config)),
    ...[...config.ssoSessions.values()].flatMap(ssoSessionWarnings),
    ...sharedKeys(config),
  ];
}

/** What can be wrong with one profile: when, at which key it shows, and what to say. */
type Check = (profile: ProfileSection, config: SharedConfig) => Finding | undefined;

const CHECKS: readonly Check[] = [
  function noCredentials(profile, config) {
    if (sourcesOf(profile).length > 0 || hasPartOfKeys(profile)) return undefined;
    if (config.keptKeys?.has(profile.name)) return undefined;
    return {
      message: 'it has no credentials: give it a role_arn, an sso_session or access keys, or remove it',
    };
  },

  function noSource(profile) {
    if (!profile.has('role_arn') || profile.has('web_identity_token_file')) return undefined;
    if (profile.has('source_profile') || profile.has('credential_source')) return undefined;
    return {
      key: 'role_arn',
      message: 'its role has no source: add source_profile = NAME or a credential_source',
    };
  },

  function missingSource(profile, config) {
    const source = profile.text('source_profile');
    if (!source || config.profiles.has(source)) return undefined;
    return {
      key: 'source_profile',
      message: `its source_profile ${source} does not exist: add it, or correct the name`,
    };
  },

  function missingSsoSession(profile, config) {
    const session = profile.text('sso_session');
    if (!session || config.ssoSessions.has(session)) return undefined;
    return {
      key: 'sso_session',
      message: `there is no [sso-session ${session}] in the config file: add it, or correct the name`,
    };
  },

  function partialKeys(profile) {
    for (const kind of ['credentials', 'config'] as const) {
      const [present, missing] = partOfKeys(profile.from(kind)) ?? [];
      if (present)
        return { key: present, message: `it has ${present} without ${missing}: add that in the same file` };
    }
    return undefined;
  },

  function severalSources(profile) {
    const sources = sourcesOf(profile);
    if (sources.length < 2 || profile.text('source_profile') === profile.name) return undefined;
    return {
      message: `it has more than one source of credentials, and only the first counts: ${sources.join(', ')}; remove the others`,
    };
  },
];

function profileWarnings(profile: ProfileSection, config: SharedConfig): Warning[] {
  return [...CHECKS, ...VALUE_CHECKS].flatMap((check) => {
    const finding = check(profile, config);
    return finding ? { profile: profile.name, ...placed(finding, profile, `profile ${profile.name}`) } : [];
  });
}

function ssoSessionWarnings(session: ConfigSection): Warning[] {
  return VALUE_CHECKS.flatMap((check) => {
    const finding = check(session);
    return finding ? placed(finding, session, `sso-session ${session.name}`) : [];
  });
}

function placed({ key, message }: Finding, section: ConfigSection, about: string): Warning {
  const {
    path = '',
    line = 0,
    where = '',
  } = (key ? section.get(key) : undefined) ?? section.headers[0] ?? {};
  return { path, line, message: `${where}: ${about}: ${message}` };
}

const KEY_ID = 'aws_access_key_id';
const SECRET = 'aws_secret_access_key';

/** In botocore's order: the first one wins. */
const SOURCES: readonly [name: string, has: (profile: ProfileSection) => boolean | undefined][] = [
  ['role_arn', (profile) => profile.has('role_arn') && !profile.has('web_identity_token_file')],
  ['web_identity_token_file', (profile) => profile.has('web_identity_token_file')],
  ['the sso_ settings', (profile) => profile.has('sso_session') || profile.has('sso_start_url')],
  ['the keys in the credentials file', (profile) => profile.from('credentials')?.has(KEY_ID)],
  ['login_session', (profile) => profile.has('login_session')],
  ['credential_process', (profile) => profile.has('credential_process')],
  ['the keys in the config file', (profile) => profile.from('config')?.has(KEY_ID)],
];

/** What gives the profile credentials, by the words of a warning. */
export function sourcesOf(profile: ProfileSection): string[] {
  return SOURCES.filter(([, has]) => has(profile)).map(([name]) => name);
}

/** Both keys must stand in the same file: no tool puts them together from two. */
function partOfKeys(section: ConfigSection | undefined): [present: string, missing: string] | undefined {
  if (!section || section.has(KEY_ID) === section.has(SECRET)) return undefined;
  return section.has(KEY_ID) ? [KEY_ID, SECRET] : [SECRET, KEY_ID];
}

function hasPartOfKeys(profile: ProfileSection): boolean {
  return (
    partOfKeys(profile.from('credentials')) !== undefined || partOfKeys(profile.from('config')) !== undefined
  );
}

function sharedKeys({ profiles }: SharedConfig): Warning[] {
  const uses = new Map<string, { profile: string; entry: Entry }[]>();
  for (const { name, entry } of [...profiles.values()].flatMap(keyIdOf)) {
    const users = uses.get(entry.value) ?? [];
    users.push({ profile: name, entry });
    uses.set(entry.value, users);
  }
  return [...uses].flatMap(([id, [first, ...others]]) => {
    const last = others.at(-1);
    if (!first || !last || others.every(({ entry }) => entry.where === first.entry.where)) return [];
    const places = [first, ...others].map(({ profile, entry }) => `${profile} (${entry.where})`).join(', ');
    const message = `the access key ${shortened(id)} stands in several profiles: ${places}; keep it in one, and name that as source_profile in the others`;
    return { profile: last.profile, path: last.entry.path, line: last.entry.line, message };
  });
}

function keyIdOf(profile: ProfileSection): { name: string; entry: Entry }[] {
  const entry = profile.get(KEY_ID);
  return entry?.value ? [{ name: profile.name, entry }] : [];
}

function shortened(id: string): string {
  return id.length > 12 ? `${id.slice(0, 4)}…${id.slice(-4)}` : '…';
}

function readableByOthers({ files, profiles }: SharedConfig): Warning[] {
  const secretsInConfig = [...profiles.values()].some((profile) => profile.from('config')?.has(SECRET));
  const withSecrets = secretsInConfig ? [files.credentials, files.config] : [files.credentials];
  return withSecrets
    .filter(({ mode = 0 }) => (mode & 0o077) !== 0)
    .map(({ path, label }) => ({
      path,
      message: `${label}: other users of this machine can get at it: chmod 600 ${label}`,
    }));
}
