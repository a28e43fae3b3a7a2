import { CredentialError } from '../errors.js';
import { readSettings } from '../settings.js';
import type { Command } from './command.js';
import { type DaemonClient, withDaemon } from './connect.js';
import { loginWithMfa, mfaDevice } from './login-mfa.js';

export const command: Command = {
  usage: 'login PROFILE',
  help: `Asks for the code of the MFA device that PROFILE names, and obtains the sessions that need it.
One code serves all profiles with that device and the same keys.`,
  takes: [1, 1],
  async run({ positionals: [profile = ''], env, stderr }) {
    await withDaemon(readSettings(env), async (daemon) => {
      if (!(await mfaDevice(daemon, profile))) {
        throw new CredentialError(
          'NoMfa',
          400,
          `Profile "${profile}" needs no code: neither it nor what is behind it has an mfa_serial.`,
        );
      }
      await willLast(daemon);
      await loginWithMfa(daemon, profile, stderr);
    });
    return 0;
  },
};

/** A session in the memory of this process would be gone with it, and the code with the session. */
async function willLast(daemon: DaemonClient): Promise<void> {
  const { pid, store } = await daemon.ask<{ pid: number; store: { kind?: string } }>('GET', '/api/status');
  if (pid !== process.pid || (store.kind !== undefined && store.kind !== 'memory')) return;
  throw new CredentialError(
    'NotRunning',
    503,
    'No daemon is running, and without a keychain nothing would keep the session. Start one in another terminal: credd serve',
  );
}
