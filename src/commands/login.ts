import { readSettings } from '../settings.js';
import type { Command } from './command.js';
import { withDaemon } from './connect.js';
import { signInHere } from './sign-in-here.js';

export const command: Command = {
  usage: 'login [PROFILE|SSO-SESSION] [--device] [--no-browser]',
  help: `Signs in at IAM Identity Center, for credd, the AWS CLI and every SDK together. Without a name: the default
profile's sign-in, or the only one there is. The address is always printed, the code too where there is one.`,
  takes: [0, 1],
  options: {
    device: {
      type: 'boolean',
      help: 'by a code to confirm in a browser on any machine; so by itself over SSH',
    },
    'no-browser': { type: 'boolean', help: 'print the address, and open nothing' },
  },
  async run({ positionals: [name], values, env, stderr }) {
    const request = { name, device: values.device === true, noBrowser: values['no-browser'] === true };
    await withDaemon(readSettings(env), (daemon) => signInHere(daemon, request, { env, stderr }));
    return 0;
  },
};
