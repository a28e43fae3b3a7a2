import { sectionHeader } from '../aws/config-append.js';
import { refuseKeysInFile, refuseOtherSource } from '../aws/static-keys.js';
import { CredentialError } from '../errors.js';
import { readSettings } from '../settings.js';
import { shellWord } from '../system/shell-word.js';
import { askForKeys, checkNewName } from './add-keys.js';
import { readAwsFiles } from './aws-files.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { type DaemonClient, withDaemon } from './connect.js';
import { importKeys, type Moved, undoImport } from './import-keys.js';
import { inSpiteOfSignals, unlessInterrupted } from './interrupt.js';
import { type KeptList, keepKeys, keysUrl, listKept, placeOfKeys, shortened } from './kept-keys.js';
import { loginWithMfa } from './login-mfa.js';
import { agrees, canAsk, isSure, readPiped } from './prompt.js';
import { printable, span, table } from './words.js';

type Verb = (daemon: DaemonClient, profile: string, context: CommandContext) => Promise<void>;

const verbs: Record<string, Verb> = { add, import: importOrUndo, rotate, list, remove };

export const command: Command = {
  usage: 'keys add|import|rotate|list|remove [PROFILE]',
  help: `Keeps long-term access keys in the keychain instead of ~/.aws/credentials.

  add PROFILE      asks for the keys, without echo; or two lines on stdin: id, secret
  import PROFILE   moves the profile's keys out of ~/.aws/credentials; --undo moves them back
  rotate PROFILE   a new key is made and tried, and the old one deactivated
  list             whose keys are kept, and how old they are, or since when they are here
  remove PROFILE   takes them out of the keychain; AWS is not told`,
  takes: [1, 2],
  options: {
    undo: { type: 'boolean', help: 'of import: put the keys back into the file' },
    json: { type: 'boolean', help: 'of list: for a program; times in milliseconds since the epoch' },
  },
  async run(context) {
    const [word = '', profile = ''] = context.positionals;
    const verb = Object.hasOwn(verbs, word) ? verbs[word] : undefined;
    if (!verb) throw new UsageError(`"${word}" is not among ${Object.keys(verbs).join(', ')}`);
    if ((word === 'list') !== (profile === ''))
      throw new UsageError(
        word === 'list' ? 'credd keys list takes no profile' : `Which profile? credd keys ${word} PROFILE`,
      );
    await withDaemon(readSettings(context.env), async (daemon) => {
      // The profile may have been written a moment ago.
      await daemon.ask('POST', '/api/reload');
      await verb(daemon, profile, context);
    });
    return 0;
  },
};

async function add(daemon: DaemonClient, profile: string, { env, stderr }: CommandContext): Promise<void> {
  const settings = readSettings(env);
  await placeOfKeys(daemon);
  const { profiles, files } = await readAwsFiles(settings.paths);
  const section = profiles.get(profile);
  const isNew = section === undefined;
  if (isNew) checkNewName(profile);
  else {
    refuseKeysInFile(section);
    refuseOtherSource(section);
  }
  if (canAsk()) {
    if (
      isNew &&
      !(await agrees(`There is no profile "${profile}" yet. Write it into ${files.config.label}?`))
    )
      return void stderr.write('Nothing was changed.\n');
    return askForKeys(daemon, profile, settings, stderr);
  }
  if (isNew) throw profileToWrite(profile, files.config.label);
  const [accessKeyId = '', secretAccessKey = ''] = await readPiped();
  const { arn, place } = await keepKeys(daemon, profile, { accessKeyId, secretAccessKey });
  stderr.write(`The keys of ${arn} are in ${place}, for profile "${profile}".\n`);
}

function profileToWrite(profile: string, file: string): CredentialError {
  const lines = `[${sectionHeader('profile', profile)}]\nregion = eu-west-1`;
  return new CredentialError(
    'UnknownProfile',
    400,
    `There is no profile "${profile}". Add these lines to ${file}, with your region, then type this again; or type it in a terminal, and it is written for you.\n\n${lines}\n`,
  );
}

async function importOrUndo(daemon: DaemonClient, profile: string, context: CommandContext): Promise<void> {
  const { stderr, values } = context;
  if (values.undo) {
    const path = await undoImport(daemon, profile);
    stderr.write(`The keys of "${profile}" are back in ${path}, and kept nowhere else.\n`);
  } else {
    await unlessLeft(daemon, profile, context);
  }
}

/** Ctrl-C says where the keys are. */
async function unlessLeft(
  daemon: DaemonClient,
  profile: string,
  { env, stderr }: CommandContext,
): Promise<void> {
  let leaving = false;
  let given = false;
  const work = importKeys(daemon, profile, readSettings(env).paths, () => {
    if (given) throw new CredentialError('Cancelled', 400, 'The import was given up.');
    leaving = true;
  });
  const said = ({ arn, place, path }: Moved) =>
    `The keys of ${arn} are in ${place}, and no longer in ${path}. Back: ${undoing(profile)}`;
  const moved = await unlessInterrupted(work, async () => {
    // It is a matter of milliseconds then.
    if (leaving) return said(await work);
    given = true;
    return `The keys of "${profile}" are in the file as before. If credd keys list names them too, an import that is typed again goes on from there.`;
  });
  stderr.write(`${said(moved)}\n`);
}

async function rotate(daemon: DaemonClient, profile: string, { stderr }: CommandContext): Promise<void> {
  const asked = () => rotated(daemon, profile, stderr);
  const { accessKeyId, previous } = await asked().catch(async (error) => {
    if (error.code !== 'MfaRequired' || !canAsk()) throw error;
    await loginWithMfa(daemon, profile, stderr);
    return asked();
  });
  stderr.write(
    `Profile "${profile}" has the new key ${shortened(accessKeyId)}; ${shortened(previous)} is deactivated, and deleted by the next rotation.\n`,
  );
}

/** Begun, it is finished or undone: cut off, it would leave a key at AWS whose secret nobody has. */
function rotated(
  daemon: DaemonClient,
  profile: string,
  stderr: CommandContext['stderr'],
): Promise<{ accessKeyId: string; previous: string }> {
  const work = daemon.ask<{ accessKeyId: string; previous: string }>('POST', `${keysUrl(profile)}/rotate`);
  if (daemon.own) {
    return inSpiteOfSignals(work, () => {
      stderr.write(
        'The rotation has begun: it is finished or undone first, which takes some seconds. Please wait.\n',
      );
    });
  }
  const goesOn =
    'The daemon finishes a rotation that it has begun, or undoes it. Which key is kept then, and since when, says: credd keys list';
  const answered = work.catch((error) => {
    if (error.code !== 'NoAnswer') throw error;
    throw new CredentialError('NoAnswer', 503, `The daemon stops, and has not answered. ${goesOn}`);
  });
  return unlessInterrupted(answered, async () => goesOn);
}

async function list(daemon: DaemonClient, _profile: string, context: CommandContext): Promise<void> {
  const { stdout, stderr, values } = context;
  const { keys } = await listKept(daemon);
  const shown = keys.map((it) => ({ ...it, accessKeyId: shortened(it.accessKeyId) }));
  const now = Date.now();
  if (values.json) {
    stdout.write(`${JSON.stringify(shown, ['profile', 'accessKeyId', 'since'], 2)}\n`);
  } else if (keys.length === 0) {
    stderr.write(
      'No long-term keys are kept. Move some out of a file: credd keys import PROFILE, or type: credd keys add PROFILE\n',
    );
  } else {
    const rows = shown.map((it) => [printable(it.profile), it.accessKeyId, ageOf(it, now)]);
    stdout.write(table(['PROFILE', 'ACCESS KEY', 'AGE'], rows));
  }
}

/** When a key was made is known of those that a rotation made; to ask AWS takes a permission. */
function ageOf({ since, previous, from }: KeptList['keys'][number], now: number): string {
  const age = span(Math.max(now - since, 0));
  return previous ? age : `${from ? 'imported' : 'added'} ${age} ago`;
}

async function remove(daemon: DaemonClient, profile: string, { stderr }: CommandContext): Promise<void> {
  const { keys } = await listKept(daemon);
  const from = keys.find((it) => it.profile === profile)?.from;
  if (from && canAsk()) {
    stderr.write(
      `These keys came from ${from}, and are nowhere else. To put them back there instead: ${undoing(profile)}\n`,
    );
    if (!(await isSure('Remove them for good?'))) return void stderr.write('Nothing was changed.\n');
  }
  await daemon.ask('DELETE', keysUrl(profile));
  const gone = from
    ? ` Nor are they in ${from}, where they came from: that would have been ${undoing(profile)}.`
    : '';
  stderr.write(`The keys of "${profile}" are no longer kept. At AWS they are as they were.${gone}\n`);
}

function undoing(profile: string): string {
  return `credd keys import --undo ${shellWord(profile)}`;
}
