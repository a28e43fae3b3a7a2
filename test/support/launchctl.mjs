// A `launchctl` by launchd's documented behaviour, for one agent, in the folder $LAUNCHD: `bootout` does not wait for
// the job to end, and until it has ended `bootstrap` fails. NODE_OPTIONS makes Node say that this is macOS.
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { LAUNCHD = '', HOME, NODE_OPTIONS } = process.env;
const [verb, ...args] = process.argv.slice(2);
const pidFile = join(LAUNCHD, 'pid');
const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;

appendFileSync(join(LAUNCHD, 'calls'), `${verb}\n`);
process.exitCode = { print, bootout, bootstrap }[verb]?.();

function print() {
  if (!runs()) return fails(113, 'Could not find service');
  console.log(`gui/501/dev.credd.agent = {\n\tstate = running\n\tpid = ${pid}\n}`);
}

function bootout() {
  if (!runs()) return fails(3, 'Boot-out failed: 3: No such process');
  process.kill(pid, 'SIGTERM');
  return fails(36, 'Boot-out failed: 36: Operation now in progress');
}

function bootstrap() {
  if (runs()) return fails(5, 'Bootstrap failed: 5: Input/output error');
  const read = 'import plistlib,json,sys; print(json.dumps(plistlib.load(open(sys.argv[1],"rb"))))';
  const agent = JSON.parse(execFileSync('python3', ['-c', read, args[1]], { encoding: 'utf8' }));
  const [program, ...words] = agent.ProgramArguments;
  const log = openSync(agent.StandardErrorPath, 'a');
  const env = { ...agent.EnvironmentVariables, HOME, NODE_OPTIONS, XPC_SERVICE_NAME: agent.Label };
  const child = spawn(program, words, { env, stdio: ['ignore', log, log], detached: true });
  writeFileSync(pidFile, String(child.pid));
  child.unref();
}

function runs() {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

function fails(code, sentence) {
  console.error(sentence);
  return code;
}
