import { delimiter, resolve } from 'node:path';
import { type Environment, homePath } from '../paths.js';

/** What a service gets of the shell that installs it. */
export interface CarriedEnvironment {
  variables: Readonly<Record<string, string>>;
  /** The names of those whose user name and password were left out: files of a service are no place for them. */
  stripped: readonly string[];
  /** The names of those that were left out as a whole, for the same reason. */
  leftOut: readonly string[];
}

/** What credd reads of its environment, and Node for it, but for what belongs to one session or holds a secret. */
const TEXTS = [
  'PATH',
  'BROWSER',
  'XDG_CONFIG_HOME',
  'XDG_STATE_HOME',
  'NODE_USE_SYSTEM_CA',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_USE_FIPS_ENDPOINT',
  'AWS_USE_DUALSTACK_ENDPOINT',
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  'AWS_EC2_METADATA_DISABLED',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE',
  'CREDD_STORE',
  'CREDD_LOG_LEVEL',
  'NO_PROXY',
  'no_proxy',
];
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
const ENDPOINTS = [
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_STS',
  'AWS_ENDPOINT_URL_SSO',
  'AWS_ENDPOINT_URL_SSO_OIDC',
  'AWS_ENDPOINT_URL_IAM',
  'AWS_ENDPOINT_URL_SIGNIN',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT',
];
const OWN_AWS_FILES = ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'];
/** A service starts in another folder. */
const FILES = [
  'CREDD_CONFIG',
  'CREDD_STORE_PASSPHRASE_FILE',
  ...OWN_AWS_FILES,
  'AWS_LOGIN_CACHE_DIRECTORY',
  'AWS_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
];
const FOLDER_LISTS = ['SSL_CERT_DIR'];
/** They say whether Node looks at SSL_CERT_FILE; its other options are for one program alone. */
const CA_OPTION = /^--use-(openssl|system|bundled)-ca$/;

/** Inside `credd exec` the person's own AWS files travel in `CREDD_AWS_*`. */
export function carriedOver(env: Environment, place: { folder: string; home: string }): CarriedEnvironment {
  const variables: Record<string, string> = {};
  const stripped: string[] = [];
  const leftOut: string[] = [];
  const absolute = (path: string) => resolve(place.folder, homePath(path, place.home) ?? '');

  function carry(names: readonly string[], asItMayBe: (value: string) => string | undefined): void {
    for (const name of names) {
      const value = env[name];
      if (!value) continue;
      const carried = asItMayBe(value);
      if (carried === undefined) leftOut.push(name);
      else if (carried) variables[name] = carried;
    }
  }

  carry(TEXTS, (value) => value);
  carry(PROXIES, withoutUser);
  stripped.push(...PROXIES.filter((name) => variables[name] && variables[name] !== env[name]));
  carry(ENDPOINTS, unlessWithUser);
  carry(FILES, absolute);
  carry(FOLDER_LISTS, (value) => value.split(delimiter).filter(Boolean).map(absolute).join(delimiter));
  carry(['NODE_OPTIONS'], (value) =>
    value
      .split(/\s+/)
      .filter((it) => CA_OPTION.test(it))
      .join(' '),
  );
  for (const name of OWN_AWS_FILES) {
    const path = env[`CREDD_${name}`];
    if (path) variables[name] = absolute(path);
  }
  return { variables, stripped, leftOut };
}

/** Undefined where it is written so oddly that what is left may still hold the password. */
function withoutUser(proxy: string): string | undefined {
  return unlessWithUser(proxy.replace(/^\s*([\w+.-]+:\/\/)?[^/]*@/, '$1'));
}

function unlessWithUser(url: string): string | undefined {
  return url.includes('@') ? undefined : url;
}
