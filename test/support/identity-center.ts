import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import { type SimulatedAws, startSimulatedAws } from '../../src/demo/aws.js';
import type { Assignment, IdentityCenter } from '../../src/demo/sso.js';
import { type Machine, machine } from './cli.js';

export const START_URL = 'https://wellcome.awsapps.com/start/#';
export const ACCOUNT = '123456789012';
export const ASSIGNMENTS: readonly Assignment[] = [
  { accountId: ACCOUNT, accountName: 'Platform', roles: ['Dev', 'Admin'] },
  { accountId: '210987654321', accountName: 'Same Näme', roles: ['Dev'] },
  { accountId: '310987654321', accountName: 'Same Näme', roles: ['Dev'] },
];

export const SSO_CONFIG = `# mine
[sso-session wellcome]
sso_start_url = ${START_URL}
sso_region = eu-west-1
sso_registration_scopes = sso:account:access

[profile dev]
sso_session = wellcome
sso_account_id = ${ACCOUNT}
sso_role_name = Dev
region = eu-west-1
`;

export interface Office extends Machine {
  aws: SimulatedAws;
  /** Stands for the browser: it goes to the address it is given. Its variable is not set by itself. */
  browser: string;
  token(key?: string): Record<string, string>;
  /** The person's answer to the code that a command has printed. */
  approve(printed: string): void;
}

/** A home with an sso-session, and the Identity Center that it leads to. */
export async function office(
  t: Test,
  center: Partial<IdentityCenter> = {},
  config = SSO_CONFIG,
): Promise<Office> {
  const aws = await startSimulatedAws({
    world: {
      identityCenters: [
        { startUrl: START_URL, region: 'eu-west-1', userName: 'ada', assignments: ASSIGNMENTS, ...center },
      ],
    },
  });
  t.teardown(aws.close);
  const own = machine(t, { config, env: { AWS_ENDPOINT_URL: aws.url, CREDD_STORE: 'memory' } });
  const browser = own.path('browser');
  writeFileSync(browser, `#!${process.execPath}\nfetch(process.argv[2]).then((answer) => answer.text())`);
  chmodSync(browser, 0o700);
  const cache = new SsoTokenCache(own.path('.aws', 'sso', 'cache'));
  return {
    ...own,
    aws,
    browser,
    token: (key = 'wellcome') => JSON.parse(readFileSync(cache.path(key), 'utf8')),
    approve: (printed) => aws.approve(/code: (\S+)/.exec(printed)?.[1] ?? ''),
  };
}
