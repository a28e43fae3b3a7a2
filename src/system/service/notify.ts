import { execFile } from 'node:child_process';
import type { Clock } from '../clock.js';
import type { Environment } from '../paths.js';
import { withSystemPath } from '../system-path.js';

/** What systemd is told of this service: sd_notify(3). Without systemd all of it does nothing. */
export interface ServiceNotifier {
  /** Whether somebody listens. */
  readonly active: boolean;
  ready(): Promise<void>;
  reloading(): Promise<void>;
  stopping(): Promise<void>;
  /** Ends the signs of life for the watchdog. */
  close(): void;
}

export interface NotifierOptions {
  env: Environment;
  pid: number;
  clock: Clock;
  /** The line in `systemctl status`, asked for each time something is said. */
  status(): string;
  /** Why something could not be said. */
  failed(reason: string): void;
}

/** The status line of a service that is there but cannot serve begins so. */
export const CANNOT_SERVE = 'cannot serve: ';

/** So that a `systemd-notify` that hangs piles nothing up. Milliseconds. */
const PATIENCE = 5000;
/** Nobody waits for the word that the service stops: it does. */
const LAST_PATIENCE = 1000;

/**
 * Through the program `systemd-notify`, about 30 ms in a process of its own, because Node has no Unix datagram
 * sockets; the unit therefore needs `NotifyAccess=all`. Twice in each watchdog interval it says that we are alive.
 */
export function createServiceNotifier(options: NotifierOptions): ServiceNotifier {
  const { env, clock, status, failed } = options;
  const active = Boolean(env.NOTIFY_SOCKET);
  const interval = watchdogInterval(options);
  let cancel = () => {};

  const own = withSystemPath(env);

  function say(assignment: string, timeout = PATIENCE): Promise<void> {
    if (!active) return Promise.resolve();
    return new Promise((said) => {
      execFile('systemd-notify', [assignment, `STATUS=${status()}`], { env: own, timeout }, (error) => {
        if (error) failed(`systemd could not be told ${assignment}: ${error.message}`);
        said();
      });
    });
  }

  function staysAlive(): void {
    if (interval === undefined) return;
    cancel = clock.after(interval / 2, async () => {
      const said = say('WATCHDOG=1');
      staysAlive();
      await said;
    });
  }

  return {
    active,
    async ready() {
      cancel();
      staysAlive();
      await say('READY=1');
    },
    reloading: () => say('RELOADING=1'),
    stopping: () => say('STOPPING=1', LAST_PATIENCE),
    close: () => cancel(),
  };
}

/** Milliseconds; undefined where no watchdog waits for us (sd_watchdog_enabled(3)). */
function watchdogInterval({ env, pid }: NotifierOptions): number | undefined {
  const meant = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === String(pid);
  const microseconds = Number(env.WATCHDOG_USEC);
  return env.NOTIFY_SOCKET && meant && microseconds > 0 ? microseconds / 1000 : undefined;
}
