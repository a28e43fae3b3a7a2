import { appendSections, sectionHeader } from '../aws/config-append.js';
import { readSharedConfig } from '../aws/shared-config.js';
import { CredentialError } from '../errors.js';
import { readSettings, type Settings } from '../settings.js';
import { accountsOf } from './accounts.js';
import type { Command, CommandContext } from './command.js';
import { type DaemonClient, withDaemon } from './connect.js';
import { populate } from './populate.js';
import { agrees, ask, canAsk } from './prompt.js';
import { signInHere } from './sign-in-here.js';

const KEYS = 'credd keys add PROFILE';

export const command: Command = {
  usage: 'setup',
  help: `Leads through a first sign-in at IAM Identity Center, and writes it and its profiles into ~/.aws/config.
For long-term access keys there is: ${KEYS}`,
  takes: [0, 0],
  async run(context) {
    if (!canAsk()) throw needsTerminal();
    const settings = readSettings(context.env);
    const { stderr } = context;
    stderr.write(
      'How do you get at AWS?\n\n  1  IAM Identity Center: a start URL such as https://example.awsapps.com/start\n  2  an access key\n\n',
    );
    if ((await answered('1 or 2: ', stderr, (it) => /^[12]$/.test(it))) === '2') {
      stderr.write(`\nType: ${KEYS}\n`);
      return 0;
    }
    await withDaemon(settings, (daemon) => setUp(daemon, settings, context));
    return 0;
  },
};

async function setUp(daemon: DaemonClient, settings: Settings, context: CommandContext): Promise<void> {
  const { stdout, stderr, env } = context;
  const { awsConfig, awsCredentials, home } = settings.paths;
  const config = await readSharedConfig({ config: awsConfig, credentials: awsCredentials, home });
  const wanted = await askUntilKnown(daemon, stderr);
  const session = await answered(
    `A short name for it [${shortName(wanted.startUrl)}]: `,
    stderr,
    (it) => /^[\w.-]*$/.test(it) && !config.ssoSessions.has(it || shortName(wanted.startUrl)),
    'Letters, digits, - and _, and none that is there already.',
  ).then((it) => it || shortName(wanted.startUrl));
  await appendSections(awsConfig, [
    {
      header: sectionHeader('sso-session', session),
      settings: {
        sso_start_url: wanted.startUrl,
        sso_region: wanted.region,
        sso_registration_scopes: 'sso:account:access',
      },
    },
  ]);
  stderr.write(`\nWritten to ${config.files.config.label}: [sso-session ${session}]\n\n`);
  const later = `Later, type: credd login ${session}, then: credd populate ${session}\n`;
  if (!(await agrees('Sign in now?'))) return void stderr.write(later);
  // A running daemon has not seen the new section yet: ours has its own eyes.
  await withDaemon(settings, async (fresh) => {
    await knows(fresh, session);
    await signInHere(fresh, { name: session }, { env, stderr });
    const found = await accountsOf(fresh, session);
    const count = found.accounts.reduce((sum, { roles }) => sum + roles.length, 0);
    if (count > 0 && (await agrees(`\n${count} roles are yours. Write a profile for each?`)))
      await populate(found, settings, { prefix: '', dryRun: false, stdout, stderr });
    stderr.write('\nType: credd list\n');
  });
}

async function askUntilKnown(daemon: DaemonClient, stderr: CommandContext['stderr']) {
  for (;;) {
    const startUrl = await answered(
      'Start URL: ',
      stderr,
      (it) => /^https?:\/\/[^/]+/.test(it),
      'It begins with https://',
    );
    const region = await answered('Its region, as eu-west-1: ', stderr, (it) =>
      /^[a-z\d]+(-[a-z\d]+)+$/.test(it),
    );
    try {
      await daemon.ask('POST', '/api/sign-ins/check', { session: shortName(startUrl), startUrl, region });
      return { startUrl, region };
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      stderr.write(`\n${error.message}\nOnce more, or Ctrl-C.\n\n`);
    }
  }
}

/** The daemon polls the file: it has seen the new section within a second. */
async function knows(daemon: DaemonClient, session: string): Promise<void> {
  for (let tries = 0; tries < 40; tries++) {
    const { signIns } = await daemon.ask<{ signIns: { name: string }[] }>('GET', '/api/sign-ins');
    if (signIns.some(({ name }) => name === session)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function answered(
  question: string,
  stderr: CommandContext['stderr'],
  good: (answer: string) => boolean,
  advice = '',
): Promise<string> {
  for (;;) {
    const answer = await ask(question);
    if (good(answer)) return answer;
    if (advice) stderr.write(`${advice}\n`);
  }
}

/** `https://example.awsapps.com/start` is known as `example`. */
function shortName(startUrl: string): string {
  const host = URL.canParse(startUrl) ? new URL(startUrl).hostname : '';
  return host.split('.')[0]?.replace(/[^\w-]/g, '') || 'sso';
}

function needsTerminal(): CredentialError {
  return new CredentialError(
    'NoTerminal',
    400,
    `credd setup asks questions, and there is no terminal here. Write a section [sso-session NAME] with sso_start_url and sso_region into ~/.aws/config, then type: credd login NAME --device. For keys: ${KEYS}`,
  );
}
