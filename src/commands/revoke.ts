import type { Lease } from '../access/lease.js';
import { CredentialError } from '../errors.js';
import { findPaths } from '../system/paths.js';
import { type Command, UsageError } from './command.js';
import { withRunningDaemon } from './connect.js';
import { printable } from './words.js';

export const command: Command = {
  usage: 'revoke LEASE | --all',
  help: `Ends a lease at once: its token is refused from the next request on.
Credentials that were fetched with it before last until they expire. LEASE is an id as credd leases shows it,
or its beginning.`,
  takes: [0, 1],
  options: { all: { type: 'boolean', help: 'end all leases, those of running programs too' } },
  async run({ positionals: [id], values, env, stderr }) {
    if ((id === undefined) !== (values.all === true))
      throw new UsageError('Say which lease, or --all: credd revoke LEASE');
    return withRunningDaemon({ paths: findPaths(env) }, async (daemon) => {
      let exitCode = 0;
      const leases = await daemon.ask<Lease[]>('GET', '/api/leases');
      for (const lease of id === undefined ? leases : [theOne(leases, id)]) {
        try {
          await daemon.ask('DELETE', `/api/leases/${lease.id}`);
          stderr.write(`Lease ${lease.id} of profile "${printable(lease.profile)}" has ended.\n`);
        } catch (error) {
          // The others are to end all the same.
          exitCode = 1;
          stderr.write(`credd: ${(error as Error).message}\n`);
        }
      }
      return exitCode;
    });
  },
};

function theOne(leases: readonly Lease[], beginning: string): Lease {
  const found = leases.filter(({ id }) => id.startsWith(beginning));
  const [lease] = found;
  if (lease && found.length === 1) return lease;
  const why = lease
    ? `"${printable(beginning)}" begins more than one lease: ${found.map(({ id }) => id).join(', ')}.`
    : `There is no lease "${printable(beginning)}"; it may have ended.`;
  throw new CredentialError('NoSuchLease', 404, `${why} Type: credd leases`);
}
