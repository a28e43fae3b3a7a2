import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from './paths.js';

/** How long a program that opens a browser may take to fail, in milliseconds: `xdg-open` may stay until that ends. */
const OPENING = 3000;

/** The command that opens an address in the person's browser; undefined where none can. */
export function browserCommand(
  env: Environment,
  platform: NodeJS.Platform = process.platform,
): string[] | undefined {
  // `%s` stands for the address, as other programs read BROWSER; of several the first.
  const [own = ''] = (env.BROWSER ?? '').split(':');
  if (own.trim()) return own.trim().split(/\s+/);
  if (platform === 'darwin') return env.SSH_CONNECTION ? undefined : ['open'];
  const hasDisplay = Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
  return hasDisplay && isInPath('xdg-open', env) ? ['xdg-open'] : undefined;
}

/** Opens it; false where that cannot be done. */
export async function openBrowser(url: string, env: Environment): Promise<boolean> {
  const command = browserCommand(env);
  if (!command) return false;
  const [program = '', ...args] = command;
  const words = args.some((arg) => arg.includes('%s'))
    ? args.map((arg) => arg.replace('%s', url))
    : [...args, url];
  return started(program, words, env);
}

/** Tells the person on the desktop, where there is one. Never fails. */
export function notifyPerson(title: string, text: string, env: Environment): void {
  if (process.platform === 'darwin') {
    const script = 'on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run';
    void started('osascript', ['-e', script, title, text], env);
  } else {
    void started('notify-send', ['--app-name=credd', '--', title, text], env);
  }
}

function started(program: string, args: string[], env: Environment): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: 'ignore', detached: true });
    const timer = setTimeout(() => resolve(true), OPENING);
    const end = (outcome: boolean) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    child.on('error', () => end(false));
    child.on('exit', (code) => end(code === 0));
    child.unref();
  });
}

function isInPath(program: string, env: Environment): boolean {
  return (env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
