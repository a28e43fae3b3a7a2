import type { CommandTable } from './command.js';

export const commands: CommandTable = {
  serve: { summary: 'run the daemon in the foreground', load: () => import('./serve.js') },
  demo: { summary: 'try credd with sample profiles and a simulated AWS', load: () => import('./demo.js') },
  exec: { summary: "run a command with a profile's credentials", load: () => import('./exec.js') },
  env: {
    summary: "print the variables that give a shell a profile's credentials",
    load: () => import('./env.js'),
  },
  lease: { summary: 'make a lease for another tool or a container', load: () => import('./lease.js') },
  leases: { summary: 'what has been handed out', load: () => import('./leases.js') },
  revoke: { summary: 'take a lease back', load: () => import('./revoke.js') },
  audit: { summary: 'who took what, and who was refused', load: () => import('./audit.js') },
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
  whoami: { summary: "ask AWS whom a profile's credentials belong to", load: () => import('./whoami.js') },
  login: {
    summary: 'sign in at IAM Identity Center, or with the code of an MFA device',
    load: () => import('./login.js'),
  },
  logout: { summary: 'end a sign-in, and all that came from it', load: () => import('./logout.js') },
  accounts: { summary: 'the accounts and roles behind a sign-in', load: () => import('./accounts.js') },
  populate: { summary: 'write a profile for each account and role', load: () => import('./populate.js') },
  setup: { summary: 'a first sign-in, question by question', load: () => import('./setup.js') },
  service: {
    summary: 'keep the daemon always there, as a service of your own',
    load: () => import('./service.js'),
  },
  completion: {
    summary: 'print a script that completes commands and profiles',
    load: () => import('./completion.js'),
  },
};
