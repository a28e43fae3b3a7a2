import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';
import type { Site } from './chain.js';
import { invalidProfile } from './profile-error.js';
import type { ProfileSection, SharedConfig } from './shared-config.js';

export type Service = 'sts' | 'sso' | 'sso_oidc' | 'iam' | 'signin';

/**
 * Where a profile's calls to a service go. An endpoint comes from, in the SDKs' order: the variable for the
 * service, the variable for all, the profile's `services` section, its `endpoint_url`.
 */
export function siteOf(
  service: Service,
  region: string,
  profile: ProfileSection,
  config: SharedConfig,
  env: Environment,
): Site {
  if (!isRegion(region)) {
    throw invalidProfile(
      profile,
      service.startsWith('sso') ? 'sso_region' : 'region',
      `Provided region_name '${region}' doesn't match a supported format.`,
      'Write it as eu-west-1.',
    );
  }
  const site: Site = { region };
  const endpoint = endpointOf(service, profile, config, env);
  if (endpoint) site.endpoint = endpoint;
  if (isTrue(env.AWS_USE_FIPS_ENDPOINT || profile.text('use_fips_endpoint'))) site.fips = true;
  if (isTrue(env.AWS_USE_DUALSTACK_ENDPOINT || profile.text('use_dualstack_endpoint'))) site.dualstack = true;
  const caBundle = env.AWS_CA_BUNDLE || profile.text('ca_bundle');
  if (caBundle) site.caBundle = caBundle;
  return site;
}

export function stsSite(profile: ProfileSection, config: SharedConfig, env: Environment): Site {
  return siteOf('sts', regionOf(profile, env), profile, config, env);
}

function endpointOf(service: Service, profile: ProfileSection, config: SharedConfig, env: Environment) {
  if (isTrue(env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS || profile.text('ignore_configured_endpoint_urls'))) {
    return undefined;
  }
  const services = config.services.get(profile.text('services') ?? '');
  const endpoint =
    env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ||
    env.AWS_ENDPOINT_URL ||
    services?.get(service)?.get('endpoint_url')?.value ||
    profile.text('endpoint_url');
  if (endpoint && !/^https?:\/\/[^/]/i.test(endpoint)) {
    throw invalidProfile(
      profile,
      'endpoint_url',
      `Invalid endpoint: ${endpoint}`,
      'Write it as https://HOST:PORT, in endpoint_url or in AWS_ENDPOINT_URL.',
    );
  }
  return endpoint;
}

/** Whether it can be a part of a host's name, as botocore demands; AWS need not have it. */
export function isRegion(name: string): boolean {
  return /^[a-z\d]+(-[a-z\d]+)*$/i.test(name);
}

/** For one who types it: stricter, so that no city passes. @throws CredentialError `InvalidRegion` (400) */
export function checkRegion(given: unknown): string {
  if (typeof given === 'string' && /^[a-z\d]+(-[a-z\d]+)+$/.test(given)) return given;
  throw new CredentialError('InvalidRegion', 400, 'Write the region as eu-west-1.');
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true';
}

const PARTITION_DEFAULTS: Record<string, string> = {
  'aws-cn': 'cn-north-1',
  'aws-us-gov': 'us-gov-west-1',
};

/** The profile's own region wins over the daemon's environment: one daemon serves profiles of many partitions. */
export function regionOf(profile: ProfileSection, env: Environment): string {
  const partition = profile.text('role_arn')?.split(':')[1] ?? '';
  return (
    profile.text('region') ||
    env.AWS_REGION ||
    env.AWS_DEFAULT_REGION ||
    PARTITION_DEFAULTS[partition] ||
    'us-east-1'
  );
}
