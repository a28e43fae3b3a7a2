import type { Environment } from './paths.js';

/** A socket that the service manager opened for us, so that requests queue while credd starts. */
export interface PassedSocket {
  fd: number;
  /** `FileDescriptorName=` of its unit, or `unknown`. */
  name: string;
}

const FIRST_PASSED = 3;
/** What was said to this process alone; a child that inherited it would take it for its own. */
const OWN_VARIABLES = new Set([
  'LISTEN_PID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'NOTIFY_SOCKET',
  'WATCHDOG_PID',
  'WATCHDOG_USEC',
]);

/** By the rules of sd_listen_fds_with_names(3): none unless they are meant for the process `pid`. */
export function passedSockets(env: Environment, pid: number): PassedSocket[] {
  if (env.LISTEN_PID !== String(pid) || !/^\d{1,4}$/.test(env.LISTEN_FDS ?? '')) return [];
  const names = env.LISTEN_FDNAMES ? env.LISTEN_FDNAMES.split(':') : [];
  return Array.from({ length: Number(env.LISTEN_FDS) }, (_, index) => ({
    fd: FIRST_PASSED + index,
    name: names[index] || 'unknown',
  }));
}

/** The environment for everything that is run from here. */
export function withoutServiceVariables(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OWN_VARIABLES.has(name)));
}
