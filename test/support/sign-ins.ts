import './clean-environment.js';
import type { Test } from 'tap';
import { type AwsClients, createClients } from '../../src/aws/clients.js';
import type { SsoSignIn } from '../../src/aws/sso-sign-in.js';
import { type SimulatedAws, startSimulatedAws } from '../../src/demo/aws.js';
import type { IdentityCenter } from '../../src/demo/sso.js';
import { type TravelClock, travelClock } from './time.js';

export const START_URL = 'https://wellcome.awsapps.com/start/#';
export const CENTER: IdentityCenter = {
  startUrl: START_URL,
  region: 'eu-west-1',
  userName: 'ada',
  assignments: [{ accountId: '123456789012', accountName: 'Platform', roles: ['Dev'] }],
};

export interface SignInLab {
  aws: SimulatedAws;
  clock: TravelClock;
  cacheDir: string;
  clients: AwsClients;
  about: SsoSignIn;
  /** What the flows take. */
  parts: { clients: AwsClients; clock: TravelClock; cacheDir: string };
}

/** An Identity Center, and an empty cache. */
export async function signInLab(t: Test, center: Partial<IdentityCenter> = {}): Promise<SignInLab> {
  const clock = travelClock();
  const aws = await startSimulatedAws({
    clock: clock.real,
    world: { identityCenters: [{ ...CENTER, ...center }] },
  });
  t.teardown(aws.close);
  const clients = createClients({});
  t.teardown(() => clients.close());
  const site = { region: 'eu-west-1', endpoint: aws.url };
  const about = {
    key: 'wellcome',
    session: 'wellcome',
    startUrl: START_URL,
    region: 'eu-west-1',
    oidc: site,
    portal: site,
  };
  const cacheDir = t.testdir({});
  return { aws, clock, cacheDir, clients, about, parts: { clients, clock, cacheDir } };
}
