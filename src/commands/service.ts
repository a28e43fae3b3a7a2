import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CredentialError } from '../errors.js';
import { readSettings } from '../settings.js';
import { launchdManager } from '../system/launchd.js';
import { type Environment, findPaths, type Paths } from '../system/paths.js';
import { carriedOver } from '../system/service-environment.js';
import { type RunTool, type ServiceManager, toolRunner } from '../system/service-manager.js';
import { shellWord } from '../system/shell-word.js';
import { systemdManager } from '../system/systemd.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { runChild } from './run-child.js';
import { answered, choosePort } from './service-port.js';

interface Job {
  env: Environment;
  paths: Paths;
  manager: ServiceManager;
  run: RunTool;
  dryRun: boolean;
  stdout: CommandContext['stdout'];
  stderr: CommandContext['stderr'];
}

export const command: Command = {
  usage: 'service install|uninstall|status|logs [--dry-run] [--follow]',
  help: `Keeps the daemon always there, as a service of your own: systemd's on Linux, launchd's on macOS.

  install    starts it now, and from now on at login or at the first request; again after an upgrade
  uninstall  stops it and removes its files; your sessions stay
  status     whether it is there, and how it stands
  logs       what it wrote last`,
  takes: [1, 1],
  options: {
    'dry-run': { type: 'boolean', help: 'print what would be written and run' },
    follow: { type: 'boolean', help: 'logs: go on printing' },
  },
  async run({ positionals: [verb = ''], values, env, stdout, stderr }) {
    const paths = findPaths(env);
    const own = withRuntimeFolder(env);
    const run = toolRunner(own);
    const manager = managerHere(paths, own, run);
    const job = { env, paths, manager, run, dryRun: values['dry-run'] === true, stdout, stderr };
    switch (verb) {
      case 'install':
        return install(job);
      case 'uninstall':
        return uninstall(job);
      case 'status':
        return status(job);
      case 'logs':
        return runChild(manager.logs(values.follow === true), own, stderr);
      default:
        throw new UsageError(`"${verb}" is not among install, uninstall, status, logs`);
    }
  },
};

async function install(job: Job): Promise<number> {
  const { env, manager, dryRun, stdout, stderr } = job;
  const settings = readSettings(env);
  const port = await choosePort(settings, job);
  const { variables, stripped } = carriedOver(env, process.cwd());
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
  const files = await manager.files({ node: process.execPath, cli, port, variables });
  const changed: string[] = [];
  for (const { path, text } of files) {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === text) continue;
    changed.push(path);
    if (dryRun) stdout.write(`# ${path}\n${text}\n`);
    else await write(path, text);
  }
  await tell(job, await manager.afterWriting(changed));
  stderr.write(`Carried over from this shell: ${Object.keys(variables).sort().join(', ') || 'nothing'}\n`);
  for (const name of stripped) {
    stderr.write(
      `Left out: the user and password in ${name}. If the service needs them: ${manager.secretVariables}\n`,
    );
  }
  if (dryRun) return 0;
  const { url, reason } = await answered(settings, port);
  stdout.write(`credd is always there now: ${url}\n`);
  stderr.write(`Store: ${reason ?? 'not known yet'}\n`);
  return 0;
}

/** What systemctl and launchctl say of a service that they do not run. */
const STOPPED_ALREADY = /not loaded|not exist|no such process|not find/i;

async function uninstall(job: Job): Promise<number> {
  const { paths, manager, dryRun, stdout, stderr } = job;
  const files = await manager.files({ node: '', cli: '', port: 0, variables: {} });
  const present = [];
  for (const { path } of files) if (await readFile(path).catch(() => undefined)) present.push(path);
  if (present.length === 0) {
    stdout.write('credd is not installed as a service: there is nothing to remove.\n');
    return 0;
  }
  for (const step of manager.beforeRemoval) {
    await tell(job, [step]).catch((error: Error) => {
      // Without its files nobody could stop what still runs.
      if (!STOPPED_ALREADY.test(error.message)) throw error;
      stderr.write(`${error.message}\n`);
    });
  }
  for (const path of [...present, paths.endpoint]) {
    if (dryRun) stdout.write(`rm -f ${shellWord(path)}\n`);
    else await rm(path, { force: true });
  }
  await tell(job, manager.afterRemoval);
  if (!dryRun) stdout.write('credd is no longer a service. Its sessions and settings stay where they are.\n');
  return 0;
}

async function status({ manager, stdout }: Job): Promise<number> {
  const files = await manager.files({ node: '', cli: '', port: 0, variables: {} });
  const installed = await Promise.all(files.map(({ path }) => readFile(path).catch(() => undefined)));
  if (installed.includes(undefined)) {
    stdout.write('credd is not installed as a service. Type: credd service install\n');
    return 1;
  }
  const { text, up } = await manager.state();
  stdout.write(`${text}\n`);
  return up ? 0 : 1;
}

async function tell({ run, dryRun, stdout }: Job, commands: readonly string[][]): Promise<void> {
  for (const command of commands) {
    if (dryRun) stdout.write(`${command.map(shellWord).join(' ')}\n`);
    else await run(command);
  }
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text, { mode: 0o600 });
}

function managerHere({ home }: Paths, env: Environment, run: RunTool): ServiceManager {
  const templates = (folder: string) => fileURLToPath(new URL(`../../${folder}`, import.meta.url));
  switch (process.platform) {
    case 'linux':
      return systemdManager({ env, home, templates: templates('systemd'), run });
    case 'darwin':
      return launchdManager({ uid: process.getuid?.() ?? -1, home, templates: templates('launchd'), run });
    default:
      throw new CredentialError(
        'NoServiceManager',
        400,
        `credd knows no service manager of ${process.platform}. Start "credd serve" at login.`,
      );
  }
}

/** A shell that was not opened by a login does not say where the user's manager is. */
function withRuntimeFolder(env: Environment): Environment {
  const uid = process.getuid?.();
  return process.platform !== 'linux' || env.XDG_RUNTIME_DIR || uid === undefined
    ? env
    : { ...env, XDG_RUNTIME_DIR: `/run/user/${uid}` };
}
