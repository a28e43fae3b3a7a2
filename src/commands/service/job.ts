import type { Environment, Paths } from '../../system/paths.js';
import type { RunTool, ServiceManager } from '../../system/service/manager.js';
import { shellWord } from '../../system/shell-word.js';
import type { CommandContext } from '../command.js';

/** What the parts of `credd service` share. */
export interface Job {
  env: Environment;
  paths: Paths;
  manager: ServiceManager;
  run: RunTool;
  /** Whether it is only printed what would be written and run. */
  dryRun: boolean;
  stdout: CommandContext['stdout'];
  stderr: CommandContext['stderr'];
}

/** Where its files lie, installed or not. */
export async function servicePaths({ manager }: Job): Promise<string[]> {
  const files = await manager.files({ node: '', cli: '', port: 0, variables: {} });
  return files.map(({ path }) => path);
}

export async function tell({ run, dryRun, stdout }: Job, commands: readonly string[][]): Promise<void> {
  for (const command of commands) {
    if (dryRun) stdout.write(`${command.map(shellWord).join(' ')}\n`);
    else await run(command);
  }
}
