import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Entry } from '../aws/config-section.js';
import type { ProfileSection, SharedConfig } from '../aws/shared-config.js';
import type { Settings } from '../settings.js';
import type { Environment } from '../system/paths.js';
import { ensurePrivateFolder, writePrivateFile } from '../system/private-files.js';
import { ownFolder, sweepFolders } from './own-folder.js';

/** All that leads to credentials; what is left is region, output, endpoints, retries and the like. */
const CREDENTIAL_SETTINGS =
  /^(aws_access_key_id|aws_secret_access_key|aws_session_token|aws_security_token|role_arn|source_profile|credential_source|external_id|mfa_serial|mfa_process|role_session_name|duration_seconds|source_identity|(transitive_)?session_tags|web_identity_token_file|credential_process|login_session|sso_.*|.*expir.*)$/;

/**
 * Config files for the child, because static keys in `[default]` would go before the container endpoint in nearly
 * every SDK: no keys, the settings of every profile, and the profiles usable by name through credd. Gives the variables
 * that lead there. The files lie in our own folder, and go with it.
 */
export async function writeShadowConfig(options: {
  config: SharedConfig;
  profile: string;
  /** Whether the child is to have this profile and no other, because it is narrowed. */
  alone: boolean;
  settings: Settings;
}): Promise<Environment> {
  const { config, profile, alone, settings } = options;
  const { awsConfig, awsCredentials } = settings.paths;
  const folder = ownFolder(settings);
  await ensurePrivateFolder(folder);
  await sweepFolders(settings);
  const shadowConfig = join(folder, 'config');
  const shadowCredentials = join(folder, 'credentials');
  await writePrivateFile(shadowConfig, shadowText(config, profile, alone));
  await writePrivateFile(shadowCredentials, '');
  return {
    AWS_CONFIG_FILE: shadowConfig,
    AWS_SHARED_CREDENTIALS_FILE: shadowCredentials,
    // Without it the JavaScript SDK v2 looks at neither.
    AWS_SDK_LOAD_CONFIG: '1',
    // Not those of an exec around this one either.
    CREDD_AWS_CONFIG_FILE: alone ? undefined : awsConfig,
    CREDD_AWS_SHARED_CREDENTIALS_FILE: alone ? undefined : awsCredentials,
  };
}

export function shadowText(config: SharedConfig, leased: string, alone = false): string {
  const sections: string[] = [];
  const own = config.profiles.get(leased);
  sections.push(`[default]\n${own ? settingsOf(own) : ''}`);
  for (const profile of config.profiles.values()) {
    if (profile.name === 'default' || !canBeQuoted(profile.name)) continue;
    if (alone && profile !== own) continue;
    // By its name too it is to come from the container endpoint, where it is narrowed.
    const process = alone ? '' : `credential_process = ${processOf(profile.name)}\n`;
    sections.push(`[profile ${header(profile.name)}]\n${process}${settingsOf(profile)}`);
  }
  for (const [name, services] of config.services) {
    const bodies = [...services].map(([service, settings]) => `${service} =\n${nestedOf(settings)}`);
    sections.push(`[services ${header(name)}]\n${bodies.join('')}`);
  }
  return sections.join('\n');
}

function settingsOf(profile: ProfileSection): string {
  return [...profile.keys()]
    .filter((key) => !CREDENTIAL_SETTINGS.test(key))
    .map((key) => {
      const entry = profile.get(key);
      if (!entry) return '';
      return entry.nested.size > 0
        ? `${key} =\n${nestedOf(entry.nested)}`
        : `${key} = ${continued(entry.value)}\n`;
    })
    .join('');
}

function nestedOf(settings: ReadonlyMap<string, Entry>): string {
  return [...settings].map(([key, { value }]) => `  ${key} = ${value}\n`).join('');
}

/** A line that is not indented would begin another setting. */
function continued(value: string): string {
  return value.replace(/\n+/g, '\n  ');
}

/** No quoting keeps these apart in every reader of these files; JavaScript's reads nothing where there is a `__proto__`. */
function canBeQuoted(name: string): boolean {
  return !/["'\\\]\n]/.test(name) && name !== '__proto__';
}

function header(name: string): string {
  return /\s/.test(name) ? `"${name}"` : name;
}

/** Some SDKs run it in a shell and some split it themselves; single quotes mean the same to all. */
function processOf(name: string): string {
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
  return `${[process.execPath, cli, 'creds', name].map((word) => `'${word}'`).join(' ')} --format process`;
}
