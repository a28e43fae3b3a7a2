import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { readSettings } from '../../settings.js';
import { readPassphrase } from '../../system/passphrase.js';
import { type CarriedEnvironment, carriedOver } from '../../system/service/environment.js';
import { checkValues, PASSPHRASE } from '../../system/service/manager.js';
import { type Change, changesTo, takeBack, writeAll } from './files.js';
import { type Job, servicePaths, tell } from './job.js';
import { answered, choosePort } from './port.js';

type Variables = Readonly<Record<string, string>>;

export async function install(job: Job): Promise<number> {
  const { env, paths, manager, dryRun, stdout, stderr } = job;
  const settings = readSettings(env);
  const carried = carriedOver(env, { folder: process.cwd(), home: paths.home });
  const earlier = await earlierVariables(job);
  const variables = await withPassphrase(carried.variables, earlier, stderr);
  const { port, settingsFile } = await choosePort(settings, job);
  const cli = fileURLToPath(new URL('../../cli.js', import.meta.url));
  const service = { node: process.execPath, cli, port, variables };
  checkValues(service);
  const files = await manager.files(service);
  const changes = await changesTo(settingsFile ? [settingsFile, ...files] : files);
  for (const { path, after } of dryRun ? changes : []) stdout.write(`# ${path}\n${after}\n`);
  if (!dryRun) await writeAll(changes);
  await start(job, changes);
  sayWhatIsCarried(job, carried, earlier, variables);
  if (dryRun) return 0;
  const { url, reason } = await answered(settings, port);
  stdout.write(`credd is always there now: ${url}\n`);
  stderr.write(`Store: ${reason ?? 'not known yet'}\n`);
  return 0;
}

async function start(job: Job, changes: readonly Change[]): Promise<void> {
  const { manager } = job;
  const commands = await manager.afterWriting(changes.map(({ path }) => path));
  try {
    await tell(job, commands);
  } catch (error) {
    const atEase = (steps: readonly string[][]) => tell(job, steps).catch(() => {});
    const isNew = (await servicePaths(job)).every((path) =>
      changes.some((change) => change.path === path && !change.before),
    );
    if (isNew) for (const step of manager.beforeRemoval) await atEase([step]);
    await takeBack(changes);
    await atEase(isNew ? manager.afterRemoval : commands);
    throw error;
  }
}

/** What the service that is installed was given. */
async function earlierVariables(job: Job): Promise<Variables> {
  const texts = (await servicePaths(job)).map((path) => readFile(path, 'utf8').catch(() => ''));
  return Object.assign({}, ...(await Promise.all(texts)).map((text) => job.manager.variables(text)));
}

/**
 * Without its passphrase the store could not be read any more, so an install from another shell keeps it.
 * @throws CredentialError `NotPrivate`, `NoPassphrase` or `CannotRead` of the file that this shell names
 */
async function withPassphrase(
  variables: Variables,
  earlier: Variables,
  stderr: Job['stderr'],
): Promise<Variables> {
  const given = variables[PASSPHRASE];
  const kept = earlier[PASSPHRASE];
  if (given) await readPassphrase(given, {});
  if (given || !kept) return variables;
  stderr.write(
    `Kept from the service that is installed: ${PASSPHRASE}=${kept} (to be rid of it: credd service uninstall, then install)\n`,
  );
  await readPassphrase(kept, {}).catch(({ message }: Error) => stderr.write(`Beware: ${message}\n`));
  return { ...variables, [PASSPHRASE]: kept };
}

function sayWhatIsCarried(
  { manager, stderr }: Job,
  { variables, stripped, leftOut }: CarriedEnvironment,
  earlier: Variables,
  now: Variables,
): void {
  stderr.write(`Carried over from this shell: ${Object.keys(variables).sort().join(', ') || 'nothing'}\n`);
  const gone = Object.keys(earlier).filter((name) => !(name in now) && name !== 'CREDD_PORT');
  if (gone.length > 0)
    stderr.write(
      `The service had these before, and has them no more, because this shell does not: ${gone.sort().join(', ')}\n`,
    );
  for (const name of stripped) {
    stderr.write(
      `Left out: the user and password in ${name}. If the service needs them: ${manager.secretVariables}\n`,
    );
  }
  for (const name of leftOut) {
    stderr.write(
      `Left out: ${name}, which seems to hold a password. If the service needs it: ${manager.secretVariables}\n`,
    );
  }
}
