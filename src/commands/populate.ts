import { added, appendSections, type NewSection, sectionHeader } from '../aws/config-append.js';
import type { SharedConfig } from '../aws/shared-config.js';
import { readSettings, type Settings } from '../settings.js';
import { type Accounts, accountsOf, noAccount } from './accounts.js';
import { readAwsFiles, refuseBrokenConfig } from './aws-files.js';
import { type Command, type CommandContext, text } from './command.js';
import { withDaemon } from './connect.js';
import { unlessInterrupted } from './interrupt.js';
import { printable } from './words.js';

const ALL_THERE =
  'Every role that is yours has a profile already: nothing was written. To see them, type: credd list\n';
const NOT_WRITTEN = 'Given up while the accounts were listed. Nothing was written.';

export const command: Command = {
  usage: 'populate SSO-SESSION [--prefix PREFIX] [--dry-run]',
  help: `Writes a profile into ~/.aws/config for every account and role that is yours behind a sign-in, and that no
profile has yet. What is in the file stays as it is.`,
  takes: [1, 1],
  options: {
    prefix: { type: 'string', value: 'PREFIX', help: 'what the names of the new profiles begin with' },
    'dry-run': { type: 'boolean', help: 'print what would be written, and write nothing' },
  },
  async run({ positionals: [name = ''], values, env, stdout, stderr }) {
    const settings = readSettings(env);
    const how = { prefix: text(values.prefix) ?? '', dryRun: values['dry-run'] === true, stdout, stderr };
    await withDaemon(settings, async (daemon) => {
      const found = await unlessInterrupted(accountsOf(daemon, name), async () => NOT_WRITTEN);
      await populate(found, settings, how);
      await daemon.ask('POST', '/api/reload');
    });
    return 0;
  },
};

export async function populate(
  found: Accounts,
  { paths }: Settings,
  how: { prefix: string; dryRun: boolean } & Pick<CommandContext, 'stdout' | 'stderr'>,
): Promise<void> {
  const config = await readAwsFiles(paths);
  refuseBrokenConfig(config);
  const { sections, present } = newProfiles(found, config, how.prefix);
  if (sections.length === 0) return void how.stderr.write(present > 0 ? ALL_THERE : noAccount(found));
  if (how.dryRun) how.stdout.write(added(undefined, sections));
  else await appendSections(paths.awsConfig, sections);
  const had = present > 0 ? `; ${present} ${present === 1 ? 'was' : 'were'} there already` : '';
  const what = how.dryRun ? 'would be written' : 'written';
  const profiles = sections.length === 1 ? 'profile' : 'profiles';
  how.stderr.write(
    `${sections.length} ${profiles} ${what} to ${printable(config.files.config.label)}${had}.\n`,
  );
}

/** A profile for each account and role that none leads to. */
function newProfiles(
  { name, region, accounts }: Accounts,
  config: SharedConfig,
  prefix: string,
): { sections: NewSection[]; present: number } {
  const session = config.ssoSessions.has(name);
  const startUrl = session ? config.ssoSessions.get(name)?.text('sso_start_url') : name;
  const own: Record<string, string> = session
    ? { sso_session: name }
    : { sso_start_url: name, sso_region: region };
  const known = new Set(
    [...config.profiles.values()]
      .filter((it) => it.text('sso_session') === name || it.text('sso_start_url') === startUrl)
      .map((it) => `${it.text('sso_account_id')} ${it.text('sso_role_name')}`),
  );
  const taken = new Set(config.profiles.keys());
  const names = accounts.map((account) => plain(account.name ?? account.accountId));
  const sections: NewSection[] = [];
  let present = 0;
  for (const account of accounts) {
    for (const role of account.roles) {
      if (known.has(`${account.accountId} ${role}`)) {
        present++;
        continue;
      }
      const { accountId, name: word = accountId } = account;
      const shared = names.filter((it) => it === plain(word)).length > 1;
      const profile = free(`${prefix}${shared ? `${word}-${accountId}` : word}-${role}`, taken);
      taken.add(profile);
      sections.push({
        header: sectionHeader('profile', profile),
        settings: { ...own, sso_account_id: account.accountId, sso_role_name: role, region },
      });
    }
  }
  return { sections, present };
}

/** Some other profile may have the name that would be given. */
function free(wanted: string, taken: ReadonlySet<string>): string {
  const name = plain(wanted);
  let next = name;
  for (let count = 2; taken.has(next); count++) next = `${name}-${count}`;
  return next;
}

/** Letters that every tool takes in a profile's name, and that no shell wants quoted. */
function plain(name: string): string {
  const letters = name.normalize('NFKD').replace(/\p{Mark}/gu, '');
  return letters.replace(/[^A-Za-z0-9_.@+/-]+/g, '-').replace(/^-+|-+$/g, '') || 'profile';
}
