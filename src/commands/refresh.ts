import { segmentOf } from '../http/segment.js';
import type { RoleSession } from '../sessions/role-session.js';
import type { Command } from './command.js';
import { withDaemonOf } from './connect.js';
import { until } from './words.js';

export const command: Command = {
  usage: 'refresh PROFILE',
  help: 'Obtains a new session for PROFILE now, whatever is left of the one that is held.',
  takes: [1, 1],
  async run({ positionals: [profile = ''], env, stderr }) {
    await withDaemonOf(env, async (daemon) => {
      const session = await daemon.ask<RoleSession>('POST', `/api/sessions/${segmentOf(profile)}/refresh`);
      stderr.write(
        `Profile "${profile}" has a new session; it expires ${until(session.expiration, Date.now())}.\n`,
      );
    });
    return 0;
  },
};
