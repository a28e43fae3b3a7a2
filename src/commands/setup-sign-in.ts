import { appendSections, sectionHeader } from '../aws/config-append.js';
import type { SharedConfig } from '../aws/shared-config.js';
import { checkRegion } from '../aws/site.js';
import { CredentialError } from '../errors.js';
import type { Settings } from '../settings.js';
import { accountsOf, noAccount } from './accounts.js';
import { readAwsFiles, refuseBrokenConfig } from './aws-files.js';
import type { CommandContext } from './command.js';
import type { DaemonClient } from './connect.js';
import { populate } from './populate.js';
import { agrees, askUntil, untilTaken } from './prompt.js';
import { signInHere } from './sign-in-here.js';

/** From a start URL to a profile for each role behind it. Nothing is written before the last question is answered. */
export async function setUpSignIn(
  daemon: DaemonClient,
  settings: Settings,
  { env, stdout, stderr }: Pick<CommandContext, 'env' | 'stdout' | 'stderr'>,
): Promise<void> {
  const config = await readAwsFiles(settings.paths);
  refuseBrokenConfig(config);
  const { startUrl, region } = await askUntilKnown(daemon);
  const known = [...config.ssoSessions.values()].find((it) => it.text('sso_start_url') === startUrl)?.name;
  const session = known ?? (await askName(startUrl, config));
  const now = await agrees('Sign in now?');
  if (!known) {
    await appendSections(settings.paths.awsConfig, [newSession(session, startUrl, region)]);
    stderr.write(`\nWritten to ${config.files.config.label}: [sso-session ${session}]\n\n`);
    await daemon.ask('POST', '/api/reload');
  }
  if (!now)
    return void stderr.write(`Later, type: credd login ${session}, then: credd populate ${session}\n`);
  const givenUp = `The sign-in was given up; [sso-session ${session}] is in ${config.files.config.label}. Later, type: credd login ${session}, then: credd populate ${session}`;
  await signInHere(daemon, { name: session, givenUp }, { env, stderr });
  const found = await accountsOf(daemon, session);
  const count = found.accounts.reduce((sum, { roles }) => sum + roles.length, 0);
  if (count === 0) return void stderr.write(noAccount(found));
  if (!(await agreesToWrite(count))) return void stderr.write(`Later, type: credd populate ${session}\n`);
  await populate(found, settings, { prefix: '', dryRun: false, stdout, stderr });
  await daemon.ask('POST', '/api/reload');
  stderr.write('\nTo see them, type: credd list\n');
}

function newSession(name: string, startUrl: string, region: string) {
  return {
    header: sectionHeader('sso-session', name),
    settings: {
      sso_start_url: startUrl,
      sso_region: region,
      sso_registration_scopes: 'sso:account:access',
    },
  };
}

function askUntilKnown(daemon: DaemonClient): Promise<{ startUrl: string; region: string }> {
  return untilTaken(async () => {
    const startUrl = await askUntil('Start URL: ', checkStartUrl);
    const region = await askUntil('Its region, as eu-west-1: ', checkRegion);
    await daemon.ask('POST', '/api/sign-ins/check', { session: shortName(startUrl), startUrl, region });
    return { startUrl, region };
  });
}

function askName(startUrl: string, { ssoSessions }: SharedConfig): Promise<string> {
  let usual = shortName(startUrl);
  for (let count = 2; ssoSessions.has(usual); count++) usual = `${shortName(startUrl)}-${count}`;
  return askUntil(`A short name for it [${usual}]: `, (answer) => {
    const name = answer || usual;
    if (/^[\w.-]+$/.test(name) && !ssoSessions.has(name)) return name;
    throw new CredentialError(
      'InvalidName',
      400,
      'Letters, digits, - and _, and none that is there already.',
    );
  });
}

/** What is done by then stays done, whatever is answered. */
async function agreesToWrite(count: number): Promise<boolean> {
  const roles =
    count === 1
      ? 'One role is yours. Write a profile for it?'
      : `${count} roles are yours. Write a profile for each?`;
  return agrees(`\n${roles}`).catch((error) => {
    if (error.code === 'Cancelled') return false;
    throw error;
  });
}

function checkStartUrl(answer: string): string {
  if (/^https?:\/\/[^/\s]+\S*$/.test(answer)) return answer;
  throw new CredentialError('InvalidStartUrl', 400, 'It begins with https://');
}

/** `https://example.awsapps.com/start` is known as `example`. */
function shortName(startUrl: string): string {
  const host = URL.canParse(startUrl) ? new URL(startUrl).hostname : '';
  return host.split('.')[0]?.replace(/[^\w-]/g, '') || 'sso';
}
