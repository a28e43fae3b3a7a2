import { CredentialError } from '../errors.js';
import { readSettings } from '../settings.js';
import type { Command } from './command.js';
import { withDaemon } from './connect.js';
import { askUntil, canAsk } from './prompt.js';
import { setUpKeys } from './setup-keys.js';
import { setUpSignIn } from './setup-sign-in.js';

export const command: Command = {
  usage: 'setup',
  help: `Asks how you get at AWS, and leads to profiles that work: through a first sign-in at IAM Identity Center, or with
an access key that goes into the keychain. What is in ~/.aws/config stays as it is; profiles are added to it.`,
  takes: [0, 0],
  async run({ env, stdout, stderr }) {
    if (!canAsk()) throw needsTerminal();
    stderr.write(
      'How do you get at AWS?\n\n  1  IAM Identity Center: a start URL such as https://example.awsapps.com/start\n  2  an access key\n\n',
    );
    const setUp = await askUntil('1 or 2: ', way);
    const settings = readSettings(env);
    await withDaemon(settings, (daemon) => setUp(daemon, settings, { env, stdout, stderr }));
    return 0;
  },
};

function way(answer: string) {
  if (answer === '1') return setUpSignIn;
  if (answer === '2') return setUpKeys;
  throw new CredentialError('NoSuchAnswer', 400, 'Type 1 or 2, or Ctrl-C.');
}

function needsTerminal(): CredentialError {
  return new CredentialError(
    'NoTerminal',
    400,
    `credd setup asks questions, and there is no terminal here. For IAM Identity Center write a section [sso-session NAME] with sso_start_url and sso_region into ~/.aws/config, then type: credd login NAME --device, then: credd populate NAME. For an access key write a section [profile NAME] with region there, then type: credd keys add NAME, with the id and the secret as two lines on stdin`,
  );
}
