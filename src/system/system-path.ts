import type { Environment } from './paths.js';

const SYSTEM = '/usr/bin:/bin:/run/current-system/sw/bin';

/** For the programs of the system itself: the PATH of a person's shell need not lead there. */
export function withSystemPath(env: Environment): Environment {
  return { ...env, PATH: [env.PATH, SYSTEM].filter(Boolean).join(':') };
}
