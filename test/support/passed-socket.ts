import { execFileSync } from 'node:child_process';
import { lacks, type Variables } from './cli.js';

export const missing = lacks('systemd-socket-activate', 'apt-get install systemd');

/** What opens a socket on `port` and starts the command that follows when somebody asks there. */
export function throughSocket(port: number, env: Variables, address = '127.0.0.1'): string[] {
  // It gives its own variables only by name.
  const passed = Object.keys(env).flatMap((name) => ['-E', name]);
  return ['systemd-socket-activate', '-l', `${address}:${port}`, ...passed];
}

export function freePort(): number {
  const script =
    "const s=require('net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})";
  return Number(execFileSync(process.execPath, ['-e', script]));
}
