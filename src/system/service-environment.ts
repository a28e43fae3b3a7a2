import { resolve } from 'node:path';
import type { Environment } from './paths.js';

/** What a service gets of the shell that installs it. */
export interface CarriedEnvironment {
  variables: Readonly<Record<string, string>>;
  /** The names of those whose user name and password were left out: files of a service are no place for them. */
  stripped: readonly string[];
}

const CARRIED =
  /^(PATH|XDG_(CONFIG|STATE)_HOME|(HTTPS?|ALL|NO)_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|AWS_CA_BUNDLE|AWS_(DEFAULT_)?REGION|AWS_(IGNORE_CONFIGURED_)?ENDPOINT_URLS?|AWS_ENDPOINT_URL_(STS|SSO|SSO_OIDC)|AWS_USE_(FIPS|DUALSTACK)_ENDPOINT|CREDD_(STORE|LOG_LEVEL))$/i;
/** These name files, and a service starts in another folder. */
const FILES = [
  'CREDD_CONFIG',
  'CREDD_STORE_PASSPHRASE_FILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
] as const;

/** Inside `credd exec` the person's own AWS files travel in `CREDD_AWS_*`. */
export function carriedOver(env: Environment, folder: string): CarriedEnvironment {
  const variables: Record<string, string> = {};
  const stripped: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!value || !CARRIED.test(name)) continue;
    const plain = /_proxy$/i.test(name) ? withoutUser(value) : value;
    if (plain !== value) stripped.push(name);
    variables[name] = plain;
  }
  for (const name of FILES) {
    const path = env[`CREDD_${name}`] || env[name];
    if (path) variables[name] = path.startsWith('~/') ? path : resolve(folder, path);
  }
  return { variables, stripped };
}

function withoutUser(proxy: string): string {
  return proxy.replace(/^([\w+.-]+:\/\/)?[^/]*@/, '$1');
}
