import { CredentialError } from '../errors.js';
import { segmentOf } from '../http/segment.js';
import type { BegunSignIn, SignInOutcome } from '../http/sign-in-routes.js';
import type { SignInState } from '../sessions/sign-in.js';
import { browserCommand, openBrowser } from '../system/desktop.js';
import type { Environment } from '../system/paths.js';
import type { CommandContext } from './command.js';
import type { DaemonClient } from './connect.js';
import { unlessInterrupted } from './interrupt.js';
import { canAsk } from './prompt.js';
import { printable, span, until } from './words.js';

const MINUTE = 60_000;
const GIVEN_UP = 'The sign-in was given up; all is as it was before.';

export interface SignInRequest {
  /** A profile, an sso-session or a start URL; without it the only sign-in there is. */
  name?: string | undefined;
  /** By a code that can be typed into a browser on another machine. */
  device?: boolean;
  noBrowser?: boolean;
  /** What is said when it is given up. */
  givenUp?: string;
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
  const { name, noBrowser = false, givenUp = GIVEN_UP } = request;
  const canOpen = !noBrowser && browserCommand(env) !== undefined;
  if (!canOpen && !noBrowser && !request.device && !canAsk()) {
    // A name that is wrong here is wrong in a terminal too.
    if (name !== undefined) await daemon.ask('GET', `/api/sign-ins/${segmentOf(name)}`);
    else if (!(await hasSignIns(daemon))) throw nothingToSignInTo();
    throw nobodyThere();
  }
  // Over SSH the browser is on another machine, and cannot come back to a port of this one.
  const device = request.device || !(canOpen || (noBrowser && !isRemote(env)));
  let begun: BegunSignIn | undefined;
  const lead = async () => {
    begun = await daemon.ask<BegunSignIn>('POST', '/api/sign-ins', { name, device });
    await shown(begun, canOpen, env, stderr);
    return { ...(await outcome(daemon, begun.id)), name: begun.name };
  };
  // A daemon that has not answered yet notices that nobody waits for the answer.
  const undo = async () => (begun ? giveUp(daemon, begun.id, givenUp) : givenUp);
  const done = await unlessInterrupted(lead(), undo);
  const end = until(done.expiresAt ?? 0, Date.now());
  stderr.write(
    `Signed in to ${printable(done.name)}: it ends ${end}${done.renewable ? ', and credd serve renews it' : ', and cannot be renewed'}.\n`,
  );
}

async function shown(
  { name, url, userCode, expiresAt }: BegunSignIn,
  canOpen: boolean,
  env: Environment,
  stderr: CommandContext['stderr'],
): Promise<void> {
  stderr.write(`To sign in to ${printable(name)}, open this address in a browser:\n\n  ${url}\n\n`);
  if (userCode) stderr.write(`There, confirm this code: ${userCode}\n\n`);
  if (canOpen && !(await openBrowser(url, env)))
    stderr.write('The browser could not be opened: open the address yourself.\n');
  const left = expiresAt - Date.now();
  const time = left < MINUTE ? left : Math.round(left / MINUTE) * MINUTE;
  stderr.write(`Waiting for you, for ${span(time)}. Ctrl-C gives up.\n`);
}

async function giveUp(daemon: DaemonClient, id: string, givenUp: string): Promise<string> {
  try {
    const { state } = await daemon.ask<SignInState>('DELETE', `/api/sign-ins/attempts/${id}`);
    return state === 'pending' ? 'Given up here; somebody else goes on waiting for this sign-in.' : givenUp;
  } catch {
    // With the daemon the attempt is gone too.
    return givenUp;
  }
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

async function hasSignIns(daemon: DaemonClient): Promise<boolean> {
  const { signIns } = await daemon.ask<{ signIns: SignInState[] }>('GET', '/api/sign-ins');
  return signIns.length > 0;
}

function nothingToSignInTo(): CredentialError {
  return new CredentialError(
    'NoSignIn',
    400,
    'No profile signs in at IAM Identity Center. In a terminal, type: credd setup',
  );
}

function nobodyThere(): CredentialError {
  return new CredentialError(
    'NoBrowser',
    403,
    'There is neither a terminal nor a browser here to sign in with. Type the command in a terminal, or add --device and open the address it prints in a browser anywhere.',
  );
}
