import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The folders and files that credd uses; nothing is created here. */
export interface Paths {
  home: string;
  configFile: string;
  stateDir: string;
  /** Where short-lived token files go: a folder that is emptied at logout where the system has one. */
  runtimeDir: string;
  ownerToken: string;
  endpoint: string;
  /** Held by the daemon while it runs: there is one for each state folder. */
  lock: string;
  leases: string;
  audit: string;
  /** A folder: the encrypted file store. */
  sessions: string;
  /** Which profiles have long-term keys in the keychain. */
  keptKeys: string;
  /** Where `aws login` keeps its sessions. */
  loginCache: string;
  awsConfig: string;
  awsCredentials: string;
  ssoCache: string;
}

export function findPaths(env: Environment, configFile?: string): Paths {
  const home = env.HOME || homedir();
  const stateDir = join(xdg(env.XDG_STATE_HOME) ?? join(home, '.local', 'state'), 'credd');
  const runtimeRoot = xdg(env.XDG_RUNTIME_DIR);
  const configDir = join(xdg(env.XDG_CONFIG_HOME) ?? join(home, '.config'), 'credd');
  return {
    home,
    configFile: configFile ?? join(configDir, 'config.ini'),
    stateDir,
    runtimeDir: runtimeRoot ? join(runtimeRoot, 'credd') : join(stateDir, 'run'),
    ownerToken: join(stateDir, 'token'),
    endpoint: join(stateDir, 'endpoint'),
    lock: join(stateDir, 'lock'),
    leases: join(stateDir, 'leases'),
    audit: join(stateDir, 'audit.jsonl'),
    sessions: join(stateDir, 'sessions'),
    keptKeys: join(stateDir, 'keys.json'),
    loginCache: homePath(env.AWS_LOGIN_CACHE_DIRECTORY, home) ?? join(home, '.aws', 'login', 'cache'),
    awsConfig: awsFile(env, 'AWS_CONFIG_FILE', home) ?? join(home, '.aws', 'config'),
    awsCredentials: awsFile(env, 'AWS_SHARED_CREDENTIALS_FILE', home) ?? join(home, '.aws', 'credentials'),
    ssoCache: join(home, '.aws', 'sso', 'cache'),
  };
}

/** Relative paths are to be ignored (XDG Base Directory Specification). */
function xdg(value: string | undefined): string | undefined {
  return value && isAbsolute(value) ? value : undefined;
}

/** Inside `credd exec` AWS's variables name the child's files; the person's own travel in `CREDD_AWS_*`. */
function awsFile(env: Environment, name: string, home: string): string | undefined {
  const value = env[`CREDD_${name}`] || env[name];
  return homePath(value, home);
}

/** A `~/` at the beginning may have come past the shell. */
export function homePath(value: string | undefined, home: string): string | undefined {
  return (value?.startsWith('~/') ? join(home, value.slice(2)) : value) || undefined;
}
