import { CredentialError } from '../errors.js';
import type { BegunSignIn, SignInOutcome } from '../http/sign-in-routes.js';
import { browserCommand, openBrowser } from '../system/desktop.js';
import type { Environment } from '../system/paths.js';
import type { CommandContext } from './command.js';
import type { DaemonClient } from './connect.js';
import { canAsk } from './prompt.js';
import { printable, until } from './words.js';

export interface SignInRequest {
  /** A profile, an sso-session or a start URL; without it the only sign-in there is. */
  name?: string | undefined;
  /** By a code that can be typed into a browser on another machine. */
  device?: boolean;
  noBrowser?: boolean;
}

/**
 * Leads the person through a sign-in: shows the address and the code, opens the browser, and waits. Where there is
 * neither a browser nor anybody who would see the address, it says so at once.
 */
export async function signInHere(
  daemon: DaemonClient,
  request: SignInRequest,
  { env, stderr }: Pick<CommandContext, 'env' | 'stderr'>,
): Promise<void> {
  const { name, noBrowser = false } = request;
  const canOpen = !noBrowser && browserCommand(env) !== undefined;
  if (!canOpen && !noBrowser && !request.device && !canAsk()) throw nobodyThere();
  // Over SSH the browser is on another machine, and cannot come back to a port of this one.
  const device = request.device || !(canOpen || (noBrowser && !isRemote(env)));
  const begun = await daemon.ask<BegunSignIn>('POST', '/api/sign-ins', { name, device });
  const { id, url, userCode, expiresAt } = begun;
  stderr.write(`To sign in to ${printable(begun.name)}, open this address in a browser:\n\n  ${url}\n\n`);
  if (userCode) stderr.write(`There, confirm this code: ${userCode}\n\n`);
  if (canOpen && !(await openBrowser(url, env)))
    stderr.write('The browser could not be opened: open the address yourself.\n');
  const time = until(expiresAt, Date.now()).replace('in ', '');
  stderr.write(`Waiting for you, for ${time}. Ctrl-C gives up.\n`);
  const done = await outcome(daemon, id);
  const end = until(done.expiresAt ?? 0, Date.now());
  stderr.write(
    `Signed in to ${printable(begun.name)}: it ends ${end}${done.renewable ? ', and credd serve renews it' : ', and cannot be renewed'}.\n`,
  );
}

async function outcome(daemon: DaemonClient, id: string): Promise<SignInOutcome> {
  for (;;) {
    const answer = await daemon.ask<SignInOutcome>('GET', `/api/sign-ins/attempts/${id}`);
    if (answer.state === 'done') return answer;
  }
}

function isRemote(env: Environment): boolean {
  return Boolean(env.SSH_CONNECTION || env.SSH_TTY);
}

function nobodyThere(): CredentialError {
  return new CredentialError(
    'NoBrowser',
    403,
    'There is neither a terminal nor a browser here to sign in with. Type the command in a terminal, or add --device and open the address it prints in a browser anywhere.',
  );
}
