import { readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import type { IdentityCenter } from '../../src/demo/sso.js';
import { turn } from './time.js';
import { startVending, type Vending } from './vending.js';
import { ACCOUNT } from './vending-config.js';

export const START_URL = 'https://wellcome.awsapps.com/start/#';
export const PROFILES = Array.from({ length: 20 }, (_, index) => `p${index}`);

export const center: IdentityCenter = {
  startUrl: START_URL,
  region: 'eu-west-1',
  userName: 'ada',
  assignments: [{ accountId: ACCOUNT, roles: PROFILES }],
  tokenLifetime: 3600,
};
const session = `[sso-session wellcome]\nsso_start_url = ${START_URL}\nsso_region = eu-west-1\n`;
const profile = (role: string, how = 'sso_session = wellcome') =>
  `[profile ${role}]\n${how}\nsso_account_id = ${ACCOUNT}\nsso_role_name = ${role}\n`;
const legacy = `sso_start_url = ${START_URL}\nsso_region = eu-west-1`;
export const CONFIG = `${session}${PROFILES.map((name) => profile(name)).join('')}${profile('p0', legacy).replace('profile p0', 'profile old')}`;

/** 20 profiles behind one sign-in, and one that names it in the legacy way; nobody is signed in. */
export const startOverSignIn = (t: Test, more: Partial<IdentityCenter> = {}) =>
  startVending(t, { config: CONFIG, world: { identityCenters: [{ ...center, ...more }] } });

/** The person goes to the address, says yes, and comes back. */
const visit = async (url: string) => (await fetch(url)).text();

/** The person signs in. */
export async function signIn(vending: Vending, name = 'wellcome'): Promise<void> {
  const { url, token } = await vending.signIn(name).begin('code');
  await visit(url);
  await token;
}

/** Waits for an event that happens behind, in real time, while the driven clock stands still. */
export async function until(happened: () => boolean, meanwhile = () => {}): Promise<void> {
  while (!happened()) {
    meanwhile();
    await turn();
  }
}

/** What comes of it, though it waits for moments, which pass as soon as somebody waits for them. */
export async function inMoments<T>({ clock }: Pick<Vending, 'clock'>, waited: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  waited.then(over, over);
  await until(
    () => isOver,
    () => momentPasses({ clock }),
  );
  return waited;
}

export function momentPasses({ clock }: Pick<Vending, 'clock'>): void {
  if (clock.next <= 100) clock.advance(clock.next);
}

export const code = (error: { code?: string }) => error.code;
export const cached = (vending: Vending, key = 'wellcome') =>
  JSON.parse(readFileSync(new SsoTokenCache(vending.ssoCache).path(key), 'utf8'));
