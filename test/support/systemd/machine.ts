import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';
import { lacks } from '../cli.js';

/** Why there is no such machine here; false where it can be had. */
export const missing: string | false =
  process.platform !== 'linux'
    ? 'systemd is of Linux'
    : process.getuid?.() !== 0
      ? 'booting a machine needs root: sudo npx tap test/systemd'
      : lacks('systemd-nspawn', 'apt-get install systemd-container dbus-user-session') ||
        (existsSync('dist/cli.js') ? false : 'npm run build');

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A machine of its own with a real systemd, as its ordinary user "ada" sees it. */
export interface SystemdMachine {
  /** Runs a line of shell. */
  sh(line: string): Promise<Ended>;
  credd(...args: string[]): Promise<Ended>;
  /** What a line of shell prints, once it is well. */
  says(line: string): Promise<string>;
  /** A script of this folder that runs until it is ended; gives what it prints after its first line. */
  script(name: string, ...args: string[]): Promise<() => Promise<string>>;
  /** What a line of shell prints for root, once it is well. */
  root(line: string): Promise<string>;
  /** What was asked of `aws.mjs` since the last time: operations, and what came of them. */
  calls(): Promise<string[]>;
}

const NODE = realpathSync(process.execPath);

/** It is gone when the test is over. */
export async function bootMachine(t: Test): Promise<SystemdMachine> {
  const boot = spawn(resolve('test/support/systemd/boot'), [NODE, resolve('.')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise((resolve) => boot.on('close', resolve));
  t.teardown(() => {
    boot.stdin.end();
    return gone;
  });
  let pid = '';
  for await (const line of createInterface({ input: boot.stdout })) {
    pid = line.replace('pid ', '');
    break;
  }
  if (!pid) throw new Error('the machine did not boot');

  const spawnAs = (user: string, line: string) =>
    spawn('nsenter', ['-t', pid, '-a', 'runuser', '-u', user, '--', 'env', '-i', '/bin/sh', '-c', line], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  const inside = (line: string) => spawnAs('ada', `${LOGIN} ${line}`);

  async function ended(child: ReturnType<typeof spawnAs>): Promise<Ended> {
    child.stdin.end();
    const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    return { code, stdout, stderr };
  }

  const sh = (line: string) => ended(inside(line));

  async function well(line: string, ending: Promise<Ended>): Promise<string> {
    const { code, stdout, stderr } = await ending;
    if (code !== 0) throw new Error(`${line}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  let seen = 0;
  return {
    sh,
    credd: (...args) => sh(`credd ${args.join(' ')}`),
    says: (line) => well(line, sh(line)),
    root: (line) => well(line, ended(spawnAs('root', `PATH=/usr/sbin:/usr/bin:/sbin:/bin; ${line}`))),
    async calls() {
      const all = (await well('calls', sh('curl -s http://127.0.0.1:9099'))).split('\n').filter(Boolean);
      const fresh = all.slice(seen);
      seen = all.length;
      return fresh;
    },
    async script(name, ...args) {
      const child = inside(`exec node /opt/${name} ${args.join(' ')}`);
      child.stderr.pipe(process.stderr);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      await lines.next();
      const end = async () => {
        child.stdin.end();
        return String((await lines.next()).value);
      };
      t.teardown(() => child.stdin.end());
      return end;
    },
  };
}

const LOGIN = `export HOME=/home/ada USER=ada PATH=/opt/node:/usr/bin:/bin XDG_RUNTIME_DIR=/run/user/$(id -u); cd;
credd() { node /opt/credd/dist/cli.js "$@"; };`;
