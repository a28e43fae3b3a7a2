import { CredentialError } from '../errors.js';
import { segmentOf } from '../http/segment.js';
import type { Settings } from '../settings.js';
import type { Environment } from '../system/paths.js';
import { regionVariables } from './container-variables.js';

export interface GlobalForm {
  set(name: string, value: string): string;
  /** Where a person puts the lines. */
  hint: string;
}

const ENVIRONMENT_D: GlobalForm = {
  // environment.d(5) expands variables, also within quotes.
  set: (name, value) => `${name}=${value.replace(/[\\$"'\s]/g, '\\$&')}`,
  hint: 'For the programs of your desktop, from the next login on: credd env PROFILE --global > ~/.config/environment.d/90-credd.conf',
};

const LAUNCHCTL: GlobalForm = {
  set: (name, value) => `launchctl setenv ${name} '${value.replaceAll("'", "'\\''")}'`,
  hint: 'For the programs of your desktop that are started from now on until you log out: credd env PROFILE --global | sh',
};

export function globalForm(platform: NodeJS.Platform): GlobalForm {
  return platform === 'darwin' ? LAUNCHCTL : ENVIRONMENT_D;
}

/**
 * The variables for programs that no command of ours starts. A lease would end under them, so they hold no token:
 * credd sees by the connection that they are the person's own.
 * @throws CredentialError `TokenNeeded` where the profile is given only for a token
 */
export function globalVariables(
  url: string,
  profile: string,
  region: string | undefined,
  settings: Settings,
): Environment {
  if (settings.profile(profile).access === 'token') {
    throw new CredentialError(
      'TokenNeeded',
      403,
      `Profile "${profile}" is given only for a token (access = token in ${settings.paths.configFile}), so it cannot be a default for all programs. Use credd exec, or change that line.`,
    );
  }
  return {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/creds/${segmentOf(profile)}`,
    ...regionVariables(region),
  };
}
