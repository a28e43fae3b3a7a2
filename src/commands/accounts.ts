import type { Account } from '../aws/sso-accounts.js';
import { segmentOf } from '../http/segment.js';
import { shellWord } from '../system/shell-word.js';
import type { Command } from './command.js';
import { type DaemonClient, withDaemonOf } from './connect.js';
import { printable, table } from './words.js';

export interface Accounts {
  /** The sso-session's name, or the start URL. */
  name: string;
  region: string;
  accounts: Account[];
}

export const command: Command = {
  usage: 'accounts SSO-SESSION [--json]',
  help: 'Lists the accounts and roles that are yours behind a sign-in. A profile may stand for its sign-in.',
  takes: [1, 1],
  options: { json: { type: 'boolean', help: 'for a program' } },
  async run({ positionals: [name = ''], values, env, stdout, stderr }) {
    const found = await withDaemonOf(env, (daemon) => accountsOf(daemon, name));
    if (values.json) stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    else if (found.accounts.length === 0) stderr.write(noAccount(found));
    else stdout.write(table(['ACCOUNT', 'NAME', 'ROLES'], found.accounts.map(row)));
    return 0;
  },
};

export function accountsOf(daemon: DaemonClient, name: string): Promise<Accounts> {
  return daemon.ask('GET', `/api/sign-ins/${segmentOf(name)}/accounts`);
}

function row({ accountId, name = '-', roles }: Account): string[] {
  return [accountId, printable(name), printable(roles.join(', ') || '-')];
}

export function noAccount({ name }: Pick<Accounts, 'name'>): string {
  return `No account is assigned to you in ${printable(name)}. When one is, type: credd populate ${printable(shellWord(name))}\n`;
}
