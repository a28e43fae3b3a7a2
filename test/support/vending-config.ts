import type { IdentityCenter } from '../../src/demo/sso.js';

export const ACCOUNT = '123456789012';
export const USER = {
  accountId: ACCOUNT,
  name: 'ada',
  accessKeyId: 'AKIAADA',
  secretAccessKey: 'ada-secret',
};
const SIGNED_IN = 'a-sign-in';

export const CENTER: IdentityCenter = {
  startUrl: 'https://wellcome.awsapps.com/start/#',
  region: 'eu-west-1',
  userName: 'ada',
  assignments: [{ accountId: ACCOUNT, roles: ['developer'] }],
  tokens: [{ accessToken: SIGNED_IN, expiresAt: Date.UTC(2100, 0) }],
};

/** Sections of a config file. */
export const keysProfile = (name: string): string => `[profile ${name}]
aws_access_key_id = ${USER.accessKeyId}
aws_secret_access_key = ${USER.secretAccessKey}
region = eu-west-1
`;

export const ssoProfile = (name: string): string => `[profile ${name}]
sso_start_url = ${CENTER.startUrl}
sso_region = ${CENTER.region}
sso_account_id = ${ACCOUNT}
sso_role_name = developer
region = eu-west-1
`;

export const roleProfile = (
  name: string,
  source: string,
  role = name,
  more = '',
): string => `[profile ${name}]
role_arn = arn:aws:iam::${ACCOUNT}:role/${role}
source_profile = ${source}
region = eu-west-1
${more}
`;

/** Long-term keys, and a role behind them. */
export const base = keysProfile('base');
export const dev = `${base}${roleProfile('dev', 'base')}`;

/** The profiles r0, r1, … behind one source. */
export const manyRoles = (source: string, count: number): string =>
  Array.from({ length: count }, (_, index) => roleProfile(`r${index}`, source)).join('');

/** What stands behind `ssoProfile`, signed in. */
export const ssoWorld = { identityCenters: [CENTER] };
