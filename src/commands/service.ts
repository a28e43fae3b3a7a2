import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CredentialError } from '../errors.js';
import { type Environment, findPaths, type Paths } from '../system/paths.js';
import { patientLaunchctl } from '../system/service/launchctl.js';
import { launchdManager } from '../system/service/launchd.js';
import { type RunTool, type ServiceManager, toolRunner } from '../system/service/manager.js';
import { systemdManager } from '../system/service/systemd.js';
import { type Command, UsageError } from './command.js';
import { runChild } from './run-child.js';
import { install } from './service/install.js';
import { type Job, servicePaths } from './service/job.js';
import { uninstall } from './service/uninstall.js';

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
  async run({ positionals: [verb = ''], values, env: given, stdout, stderr }) {
    const env = withRuntimeFolder(given);
    const paths = findPaths(env);
    const tool = toolRunner(env);
    const run = process.platform === 'darwin' ? patientLaunchctl(tool, pause) : tool;
    const manager = managerHere(paths, env, run);
    const job = { env, paths, manager, run, dryRun: values['dry-run'] === true, stdout, stderr };
    switch (verb) {
      case 'install':
        return install(job);
      case 'uninstall':
        return uninstall(job);
      case 'status':
        return status(job);
      case 'logs':
        return logs(job, values.follow === true);
      default:
        throw new UsageError(`"${verb}" is not among install, uninstall, status, logs`);
    }
  },
};

async function status(job: Job): Promise<number> {
  if (!(await isInstalled(job))) return 1;
  const { text, up } = await job.manager.state();
  job.stdout.write(`${text}\n`);
  return up ? 0 : 1;
}

async function logs(job: Job, follow: boolean): Promise<number> {
  if (!(await isInstalled(job))) return 1;
  return runChild(job.manager.logs(follow), job.env, job.stderr);
}

/** Says what to type where it is not. */
async function isInstalled(job: Job): Promise<boolean> {
  const missing = (await servicePaths(job)).filter((path) => !existsSync(path));
  if (missing.length > 0)
    job.stdout.write('credd is not installed as a service. Type: credd service install\n');
  return missing.length === 0;
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
