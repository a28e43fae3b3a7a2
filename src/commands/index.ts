import type { CommandTable } from './command.js';

export const commands: CommandTable = {
  serve: { summary: 'run the daemon in the foreground', load: () => import('./serve.js') },
  demo: { summary: 'try credd with sample profiles and a simulated AWS', load: () => import('./demo.js') },
  exec: { summary: "run a command with a profile's credentials", load: () => import('./exec.js') },
  env: {
    summary: "print the variables that give a shell a profile's credentials",
    load: () => import('./env.js'),
  },
  creds: { summary: 'print one role session', load: () => import('./creds.js') },
  list: {
    summary: 'the profiles, how each gets its credentials, and what is wrong',
    load: () => import('./list.js'),
  },
  status: {
    summary: 'what the daemon holds, until when, and what failed',
    load: () => import('./status.js'),
  },
  refresh: { summary: "renew a profile's session now", load: () => import('./refresh.js') },
  forget: { summary: "drop a profile's session from cache and keychain", load: () => import('./forget.js') },
  keys: { summary: 'long-term access keys, kept in the keychain', load: () => import('./keys.js') },
  console: { summary: 'open the AWS console as a role session', load: () => import('./console.js') },
  login: { summary: 'sign in with the code of an MFA device', load: () => import('./login.js') },
  whoami: { summary: "ask AWS whom a profile's credentials belong to", load: () => import('./whoami.js') },
  completion: {
    summary: 'print a script that completes commands and profiles',
    load: () => import('./completion.js'),
  },
};
