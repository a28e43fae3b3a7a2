import { segmentOf } from '../http/segment.js';
import type { Command } from './command.js';
import { withDaemonOf } from './connect.js';
import { unlessInterrupted } from './interrupt.js';
import { printable } from './words.js';

const UNSURE =
  'Given up before Identity Center had answered: it may not know that you signed out, and then ends the session by itself in time. To see what is left on this machine, type: credd status';

export const command: Command = {
  usage: 'logout [PROFILE|SSO-SESSION]',
  help: `Ends the sign-in at IAM Identity Center, and drops its token and every session that came from it. What has been
handed out lives on until it expires.`,
  takes: [0, 1],
  async run({ positionals: [name], env, stderr }) {
    await withDaemonOf(env, async (daemon) => {
      const path = name === undefined ? '/api/sign-ins' : `/api/sign-ins/${segmentOf(name)}`;
      const asked = daemon.ask<{ name: string; signedIn: boolean }>('DELETE', path);
      const ended = await unlessInterrupted(asked, async () => UNSURE);
      const what = ended.signedIn ? 'Signed out of' : 'Nobody was signed in to';
      stderr.write(`${what} ${printable(ended.name)}.\n`);
    });
    return 0;
  },
};
