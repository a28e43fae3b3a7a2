import type { Registry } from 'prom-client';

/** What `status` says is wrong, by names that are no secret. */
export interface FaultParts {
  sessions(): Iterable<{ profile: string; lastError?: { code: string } }>;
  /** Each file that credd follows, and whether its newest state could not be taken. */
  files(): Iterable<readonly [name: string, broken: boolean]>;
  /** Each file of the daemon's own, and whether it cannot be written. */
  ownFiles(): Iterable<readonly [name: string, unwritten: boolean]>;
  /** Of this computer. */
  isClockWrong(): boolean;
  signIns(): Promise<readonly { name: string; state: string; lastError?: { code: string } }[]>;
}

const SIGN_IN_NEEDED = 'SsoLoginRequired';

/** A fault that is over is in none of them any more. */
export async function registerFaults(registry: Registry, parts: FaultParts): Promise<void> {
  const { Gauge } = (await import('prom-client')).default;
  const registers = [registry];
  new Gauge({
    name: 'credd_config_fault',
    help: 'Whether the newest state of a file is broken, so that its last good state goes on',
    labelNames: ['file'],
    registers,
    collect() {
      for (const [file, broken] of parts.files()) this.set({ file }, broken ? 1 : 0);
    },
  });
  new Gauge({
    name: 'credd_write_fault',
    help: 'Whether a file of the state folder cannot be written, so that a restart loses leases, or the trail lines',
    labelNames: ['file'],
    registers,
    collect() {
      for (const [file, unwritten] of parts.ownFiles()) this.set({ file }, unwritten ? 1 : 0);
    },
  });
  new Gauge({
    name: 'credd_clock_fault',
    help: "Whether this computer's clock is minutes away from AWS's",
    registers,
    collect() {
      this.set(parts.isClockWrong() ? 1 : 0);
    },
  });
  new Gauge({
    name: 'credd_profile_fault',
    help: 'Profiles whose last attempt to get a session failed',
    labelNames: ['profile', 'code'],
    registers,
    collect() {
      this.reset();
      for (const { profile, lastError } of parts.sessions())
        if (lastError) this.set({ profile, code: lastError.code }, 1);
    },
  });
  new Gauge({
    name: 'credd_sign_in_fault',
    help: 'Sign-ins that a person is needed for, or that could not be renewed',
    labelNames: ['sign_in', 'code'],
    registers,
    async collect() {
      const signIns = await parts.signIns();
      this.reset();
      for (const { name, state, lastError } of signIns) {
        if (state === 'needed') this.set({ sign_in: name, code: SIGN_IN_NEEDED }, 1);
        if (lastError) this.set({ sign_in: name, code: lastError.code }, 1);
      }
    },
  });
}
