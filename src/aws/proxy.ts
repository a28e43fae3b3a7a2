import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';

/** The URL of the proxy for a request, or '' where it goes straight to its host. */
export type ProxyChoice = (url: string) => string;

/**
 * Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the same in lower case, which win, as with curl and
 * the AWS CLI. Undefined where no proxy is set.
 * @throws CredentialError `InvalidProxy` (400)
 */
export function proxyChoice(env: Environment): ProxyChoice | undefined {
  const proxies: Record<string, string> = { 'http:': proxyOf('http', env), 'https:': proxyOf('https', env) };
  if (!proxies['http:'] && !proxies['https:']) return undefined;
  const exceptions = (env.no_proxy || env.NO_PROXY || '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  return (url) => {
    const target = new URL(url);
    return exceptions.some((exception) => covers(exception, target)) ? '' : (proxies[target.protocol] ?? '');
  };
}

function proxyOf(scheme: string, env: Environment): string {
  for (const name of [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`, 'all_proxy', 'ALL_PROXY']) {
    const value = env[name];
    if (value) return proxyUrl(name, value);
  }
  return '';
}

/** The value is not repeated: it may hold a password. */
function proxyUrl(name: string, value: string): string {
  const url = value.includes('://') ? value : `http://${value}`;
  if (URL.canParse(url) && /^(https?|socks\w*|pac\+\w+):$/.test(new URL(url).protocol)) return url;
  throw new CredentialError(
    'InvalidProxy',
    400,
    `${name} does not hold the address of a proxy: set it to http://HOST:PORT, and start credd anew.`,
  );
}

/** `*`, a host, a host and its subdomains with or without a leading `.` or `*.`; each perhaps with a port. */
function covers(exception: string, { hostname, port, protocol }: URL): boolean {
  const [, name = '', onlyPort] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(exception) ?? [];
  if (onlyPort && onlyPort !== (port || (protocol === 'https:' ? '443' : '80'))) return false;
  return name === '' || hostname === name || hostname.endsWith(`.${name}`);
}
