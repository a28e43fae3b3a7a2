import { segmentOf } from '../http/segment.js';
import type { Command } from './command.js';
import { withDaemonOf } from './connect.js';

export const command: Command = {
  usage: 'forget PROFILE',
  help: `Drops the session of PROFILE from cache and keychain. The next request obtains a new one.
What has been handed out stays valid at AWS until it expires.`,
  takes: [1, 1],
  async run({ positionals: [profile = ''], env, stderr }) {
    await withDaemonOf(env, (daemon) => daemon.ask('DELETE', `/api/sessions/${segmentOf(profile)}`));
    stderr.write(`The session of profile "${profile}" is forgotten.\n`);
    return 0;
  },
};
