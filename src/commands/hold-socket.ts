import { CredentialError } from '../errors.js';
import { listenOnLoopback } from '../http/listen.js';
import { buildTroubleApp } from '../http/trouble.js';
import { createLog } from '../log.js';
import { systemClock } from '../system/clock.js';
import type { Environment } from '../system/paths.js';
import { CANNOT_SERVE, createServiceNotifier } from '../system/service-notify.js';

const LOOK_AGAIN = 1000;

/**
 * What a service does while it cannot start: to end at once would only start it again, many times a second, for as long
 * as anybody waits at the socket. So it answers there, until `prepare` succeeds; then it ends as failed, and the service
 * manager starts the next one, who can serve. The exit code.
 */
export async function holdSocket(options: {
  fd: number;
  trouble: Error;
  prepare(): Promise<unknown>;
  env: Environment;
  stderr: NodeJS.WriteStream;
  stopped: Promise<unknown>;
}): Promise<number> {
  const { fd, prepare, env, stderr, stopped } = options;
  let { message } = options.trouble;
  const log = await createLog('info', stderr);
  const app = buildTroubleApp(waiting(), systemClock);
  await listenOnLoopback(app, { fd }).catch(async (error) => {
    await app.close();
    throw error;
  });
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
  const repaired = await Promise.race([
    stopped.then(() => false),
    untilWell(prepare, stillWrong).then(() => true),
  ]);
  if (repaired) log.info('what was wrong has been repaired: credd starts again');
  notifier.close();
  await Promise.all([notifier.stopping(), app.close()]);
  return repaired ? 1 : 0;
}

/** The log and the status line say more; this is for whoever asks. */
function waiting(): CredentialError {
  return new CredentialError(
    'CannotServe',
    503,
    'credd cannot serve: its settings or its state folder need repair. Type: credd service status',
  );
}

async function untilWell(
  prepare: () => Promise<unknown>,
  stillWrong: (trouble: Error) => void,
): Promise<void> {
  for (;;) {
    await new Promise<void>((resume) => systemClock.after(LOOK_AGAIN, resume));
    try {
      await prepare();
      return;
    } catch (trouble) {
      stillWrong(trouble as Error);
    }
  }
}
