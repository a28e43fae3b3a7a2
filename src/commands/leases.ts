import type { Lease } from '../access/lease.js';
import { findPaths } from '../system/paths.js';
import type { Command } from './command.js';
import { withRunningDaemon } from './connect.js';
import { printable, table, until } from './words.js';

export const command: Command = {
  usage: 'leases [--json]',
  help: 'Shows what has been handed out: to which process, until when, and when it was last used.',
  takes: [0, 0],
  options: { json: { type: 'boolean', help: 'for a program; times in milliseconds since the epoch' } },
  async run({ values, env, stdout }) {
    await withRunningDaemon({ paths: findPaths(env) }, async (daemon) => {
      const leases = await daemon.ask<Lease[]>('GET', '/api/leases');
      if (values.json) stdout.write(`${JSON.stringify(leases, null, 2)}\n`);
      else if (leases.length === 0) stdout.write('There are no leases.\n');
      else {
        const now = Date.now();
        const rows = leases.map((lease) => row(lease, now));
        stdout.write(table(['LEASE', 'PROFILE', 'HOLDER', 'EXPIRES', 'LAST USED'], rows));
      }
    });
    return 0;
  },
};

function row({ id, profile, holder, container, expiresAt, lastUsedAt }: Lease, now: number): string[] {
  return [
    id,
    printable(profile),
    holder ? `process ${holder.pid}` : container ? 'a container' : '-',
    expiresAt === undefined ? 'with its holder' : until(expiresAt, now),
    lastUsedAt === undefined ? 'never' : until(lastUsedAt, now),
  ];
}
