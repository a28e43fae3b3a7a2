import type { CallerIdentity } from '../aws/caller-identity.js';
import { segmentOf } from '../http/segment.js';
import type { Command } from './command.js';
import { withDaemonOf } from './connect.js';

export const command: Command = {
  usage: 'whoami PROFILE',
  help: 'Asks AWS (GetCallerIdentity) whom the credentials of PROFILE belong to.',
  takes: [1, 1],
  async run({ positionals: [profile = ''], env, stdout }) {
    await withDaemonOf(env, async (daemon) => {
      const { UserId, Account, Arn } = await daemon.ask<CallerIdentity>(
        'GET',
        `/api/identity/${segmentOf(profile)}`,
      );
      stdout.write(`${JSON.stringify({ UserId, Account, Arn }, null, 4)}\n`);
    });
    return 0;
  },
};
