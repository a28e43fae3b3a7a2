import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Grant } from '../../src/access/lease.js';
import { Leases } from '../../src/access/leases.js';
import type { Clock } from '../../src/system/clock.js';
import { HOUR } from './time.js';

/** Programs that hold leases of a daemon, and of the daemons after it. */
export async function leaseHolders(t: Test, clock: Clock, random: () => number) {
  const folder = t.testdir({});
  const file = join(folder, 'leases');
  const held: (Grant & { revoked: boolean; over: boolean })[] = [];
  let leases = await next();
  t.teardown(() => leases.close());

  async function next(): Promise<Leases> {
    const leases = new Leases({ folder: join(folder, 'run'), file, clock });
    await leases.restore();
    return leases;
  }

  return {
    held,
    async grant(): Promise<void> {
      const grant = await leases.grant({ profile: 'dev', ttl: Math.ceil(random() * 100) * HOUR });
      held.push({ ...grant, revoked: false, over: false });
    },
    async revoke(): Promise<void> {
      const one = held[Math.floor(random() * held.length)];
      if (!one) return;
      await leases.end(one.lease.id);
      one.revoked = true;
    },
    async restart({ killed }: { killed: boolean }): Promise<void> {
      const asLastWritten = readFileSync(file);
      await leases.close();
      if (killed) writeFileSync(file, asLastWritten);
      leases = await next();
    },
    /** How many are refused before their time, or taken after it. */
    wrong(): number {
      const wrong = held.filter((it) => {
        const ended = it.revoked || (it.lease.expiresAt ?? 0) <= clock.now();
        it.over ||= ended;
        const found = leases.find(it.token) !== undefined;
        // What was over and has not been swept yet lives again when the clock is set back.
        return ended ? found : !found && !it.over;
      });
      return wrong.length;
    },
  };
}
