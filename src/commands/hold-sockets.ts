import { CredentialError } from '../errors.js';
import { listenOnLoopback } from '../http/listen.js';
import { buildTroubleApp } from '../http/trouble.js';
import { createLog } from '../log.js';
import { systemClock } from '../system/clock.js';
import { isSocket, loopbackPort, type PassedSocket, turnAway } from '../system/listening-sockets.js';
import type { Environment } from '../system/paths.js';
import { CANNOT_SERVE, createServiceNotifier } from '../system/service/notify.js';

/**
 * What a service does while it cannot start: to end at once would only start it again, many times a second, for as long
 * as anybody waits at its sockets. So it answers there, until it is `ready`; then it ends as failed, and the service
 * manager starts the next one, who can serve. SIGHUP, which means "reload", looks at once. The exit code.
 * @throws the trouble itself where no socket was passed
 */
export async function holdSockets(options: {
  passed: readonly PassedSocket[];
  trouble: Error;
  /** Rejects for as long as something is wrong. */
  ready(): Promise<unknown>;
  /** Milliseconds. */
  lookEvery: number;
  env: Environment;
  stderr: NodeJS.WriteStream;
  stopped: Promise<unknown>;
}): Promise<number> {
  const { passed, trouble, env, stderr, stopped } = options;
  let { message } = trouble;
  const letGo = await answerAt(passed);
  if (letGo.length === 0) throw trouble;
  const log = await createLog('info', stderr);
  const notifier = createServiceNotifier({
    env,
    pid: process.pid,
    clock: systemClock,
    status: () => CANNOT_SERVE + message,
    failed: (reason) => log.warn(reason),
  });
  const say = () => {
    log.error(`credd cannot serve: ${message}`);
    void notifier.ready();
  };
  // Behind what was repaired there may be something else.
  const stillWrong = (trouble: Error) => {
    if (trouble.message === message) return;
    message = trouble.message;
    say();
  };
  say();
  const over = new AbortController();
  const repaired = await Promise.race([
    stopped.then(() => false),
    untilWell({ ...options, stillWrong, over: over.signal }).then(() => true),
  ]);
  over.abort();
  if (repaired) log.info('what was wrong has been repaired: credd starts again');
  notifier.close();
  await Promise.all([notifier.stopping(), ...letGo.map((end) => end())]);
  return repaired ? 1 : 0;
}

/** With an error to each request on this machine; who comes from elsewhere hears nothing. How to end it, for each socket. */
async function answerAt(passed: readonly PassedSocket[]): Promise<(() => unknown)[]> {
  const letGo: (() => unknown)[] = [];
  for (const { fd } of passed) {
    if (!(await isSocket(fd))) continue;
    if ((await loopbackPort(fd)) === undefined) letGo.push(turnAway(fd));
    else {
      const app = buildTroubleApp(waiting(), systemClock);
      await listenOnLoopback(app, { fd });
      letGo.push(() => app.close());
    }
  }
  return letGo;
}

/** The log and the status line say more; this is for whoever asks. */
function waiting(): CredentialError {
  return new CredentialError(
    'CannotServe',
    503,
    'credd cannot serve until something is put right. To see what, type: credd service status',
  );
}

async function untilWell(options: {
  ready(): Promise<unknown>;
  lookEvery: number;
  stillWrong(trouble: Error): void;
  over: AbortSignal;
}): Promise<void> {
  const { ready, lookEvery, stillWrong, over } = options;
  while (!over.aborted) {
    await nextLook(lookEvery, over);
    try {
      await ready();
      return;
    } catch (trouble) {
      stillWrong(trouble as Error);
    }
  }
}

/** It keeps the process alive, where nothing else does. */
function nextLook(after: number, over: AbortSignal): Promise<void> {
  return new Promise((resume) => {
    const look = () => {
      clearTimeout(timer);
      process.off('SIGHUP', look);
      over.removeEventListener('abort', look);
      resume();
    };
    const timer = setTimeout(look, after);
    process.once('SIGHUP', look);
    over.addEventListener('abort', look);
  });
}
