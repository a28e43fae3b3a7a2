import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { Test } from 'tap';

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
}

const NODE = realpathSync(process.execPath);

/** It is gone when the test is over. */
export async function bootMachine(t: Test): Promise<SystemdMachine> {
  const boot = spawn(resolve('test/systemd/boot'), [NODE, resolve('.')], {
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

  const inside = (line: string) =>
    spawn(
      'nsenter',
      ['-t', pid, '-a', 'runuser', '-u', 'ada', '--', 'env', '-i', '/bin/sh', '-c', `${LOGIN} ${line}`],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );

  async function sh(line: string): Promise<Ended> {
    const child = inside(line);
    child.stdin.end();
    const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
    const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    return { code, stdout, stderr };
  }

  return {
    sh,
    credd: (...args) => sh(`credd ${args.join(' ')}`),
    async says(line) {
      const { code, stdout, stderr } = await sh(line);
      if (code !== 0) throw new Error(`${line}: ${stdout}${stderr}`);
      return stdout.trim();
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
