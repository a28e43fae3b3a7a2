import './clean-environment.js';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { narrowed } from '../../src/access/narrowing.js';
import { createClients } from '../../src/aws/clients.js';
import { resolveProfile } from '../../src/aws/profile.js';
import { createProvider } from '../../src/aws/provider.js';
import { readSharedConfig } from '../../src/aws/shared-config.js';
import { findSignIn, keyOf } from '../../src/aws/sso-sign-in.js';
import { type SimulatedAws, type SimulatedAwsOptions, startSimulatedAws } from '../../src/demo/aws.js';
import type { IdentityCenter } from '../../src/demo/sso.js';
import { Refresher } from '../../src/sessions/refresher.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import type { SignIn } from '../../src/sessions/sign-in.js';
import { SignIns } from '../../src/sessions/sign-ins.js';
import { Vendor } from '../../src/sessions/vendor.js';
import { MemoryStore } from '../../src/system/memory-store.js';
import type { SecretStore } from '../../src/system/secret-store.js';
import { MINUTE, type TravelClock, travelClock, turn } from './time.js';
import { USER } from './vending-config.js';

/** Always the same row of numbers from 0 to 1 for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface VendingOptions {
  /** The text of `~/.aws/config`; every profile's endpoint is the simulated AWS. */
  config: string | ((url: string) => string);
  world?: SimulatedAwsOptions['world'];
  store?: SecretStore | Promise<SecretStore>;
  seed?: number;
  env?: Record<string, string>;
  addressUrl?: string;
}

export interface LogLine {
  level: 'info' | 'warn';
  message: string;
  [field: string]: unknown;
}

export interface Vending {
  home: string;
  clock: TravelClock;
  aws: SimulatedAws;
  vendor: Vendor;
  store: SecretStore | Promise<SecretStore>;
  sessions: SessionStore;
  log: LogLine[];
  /** What the sign-ins told, and that a person is needed for something else, in order. */
  told: Partial<
    Record<'needed' | 'done' | 'ending' | 'unwritten' | 'written' | 'person', string | undefined>
  >[];
  /** The sign-in behind a profile, or of that name. */
  signIn(name: string): SignIn;
  ssoCache: string;
  /** From now on AWS does not answer, until `release`. */
  hang(operation?: string): void;
  /** Ends every fault. */
  release(): void;
  /** Waits until nothing is asked of AWS, but for what hangs there. */
  settled(): Promise<void>;
  /** Lets time pass in small steps, each of which settles. */
  pass(ms: number, step?: number): Promise<void>;
  /** What a client gets: the access key id. Time stands still meanwhile. */
  ask(profile: string): Promise<string>;
  /** Rewrites the config file, as the daemon notices it. */
  edit(config: string): Promise<void>;
  /** The same daemon after a restart: same files, same store, same AWS. */
  restart(): Promise<Vending>;
}

/** Everything below HTTP, with real files and a simulated AWS, in driven time. */
export async function startVending(t: Test, options: VendingOptions): Promise<Vending> {
  const clock = travelClock();
  // The SDK signs, and corrects its signatures, by the machine's time.
  t.intercept(Date, 'now', { value: clock.now });
  const aws = await startSimulatedAws({
    clock: clock.real,
    signingClock: clock.real,
    world: {
      users: [USER],
      roleFor: (arn) => ({ arn, trusts: ['*'], maxSessionDuration: 43_200 }),
      ...options.world,
    },
  });
  t.teardown(aws.close);
  const { config } = options;
  const text = typeof config === 'string' ? config : config(aws.url);
  const home = folderOf(t);
  mkdirSync(join(home, '.aws'));
  writeFileSync(join(home, '.aws/config'), text);
  for (const center of options.world?.identityCenters ?? []) signIn(home, center);
  return compose(t, { ...options, store: options.store ?? new MemoryStore(), clock, aws, home });
}

/** A new folder each time: a test may start several. */
function folderOf(t: Test): string {
  return mkdtempSync(join(existsSync(t.testdirName) ? t.testdirName : t.testdir({}), 'home-'));
}

async function compose(
  t: Test,
  options: VendingOptions & {
    clock: TravelClock;
    aws: SimulatedAws;
    home: string;
    store: SecretStore | Promise<SecretStore>;
  },
): Promise<Vending> {
  const { clock, aws, home, store } = options;
  const env = { USER: 'ada', AWS_ENDPOINT_URL: aws.url, ...options.env };
  const paths = { config: join(home, '.aws/config'), credentials: join(home, '.aws/credentials'), home };
  let shared = await readSharedConfig(paths);
  const clients = createClients(env, {
    clock,
    clockIsWrong: (problem) => line('warn')({ code: 'ClockSkew' }, problem),
  });
  const refresher = new Refresher(clock);
  const log: LogLine[] = [];
  const line = (level: LogLine['level']) => (context: object, message: string) =>
    void log.push({ level, message, ...context });
  const cacheDir = join(home, '.aws/sso/cache');
  const signIns = new SignIns({
    ...{ clients, clock, cacheDir, refresher, random: seeded(options.seed ?? 1) },
    find: (name) => findSignIn(name, shared, env),
    needed: ({ key }) => void told.push({ needed: key }),
    ending: ({ key }) => void told.push({ ending: key }),
    unwritten: ({ key }, error) => void told.push(error ? { unwritten: key } : { written: key }),
    done(key) {
      told.push({ done: key });
      vendor.retry((step) => step.kind === 'sso-role' && keyOf(step) === key);
    },
  });
  const told: Vending['told'] = [];
  const provide = createProvider({
    clients,
    clock,
    env,
    withSsoToken: (step, use) => signIns.use(step, use),
    addressUrl: options.addressUrl,
    loginCache: join(home, '.aws/login/cache'),
    warn: (message) => line('warn')({}, message),
  });
  let inFlight = 0;
  let hanging = false;
  const sessions = new SessionStore(Promise.resolve(store), { debug: () => {}, warn: () => {} });
  const vendor: Vendor = new Vendor({
    chain: (profile, narrowing) => narrowed(resolveProfile(profile, shared, env), {}, narrowing),
    async provide(step, source, code) {
      inFlight++;
      try {
        return await provide(step, source, code);
      } finally {
        inFlight--;
      }
    },
    store: sessions,
    refresher,
    clock,
    random: seeded(options.seed ?? 1),
    needed: ({ code }) => void told.push({ person: code }),
    log: { info: line('info'), warn: line('warn') },
  });
  t.teardown(() => {
    refresher.stop();
    signIns.close();
    aws.faults.clear();
    clients.close();
  });

  const vending: Vending = {
    home,
    clock,
    aws,
    vendor,
    store,
    sessions,
    log,
    told,
    signIn: (name) => signIns.of(findSignIn(name, shared, env)),
    ssoCache: cacheDir,
    hang(operation = '*') {
      hanging = true;
      aws.faults.set(operation, { kind: 'hang' });
    },
    release() {
      hanging = false;
      aws.faults.clear();
    },
    async settled() {
      const unanswered = () => aws.calls.filter(({ outcome }) => outcome === 'pending').length;
      do await turn();
      while (inFlight > (hanging ? unanswered() : 0));
    },
    async pass(ms, step = MINUTE) {
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(step, left));
        await vending.settled();
      }
    },
    ask: async (profile) => JSON.parse(String(await vendor.get(profile))).AccessKeyId,
    async edit(text) {
      writeFileSync(paths.config, text);
      shared = await readSharedConfig(paths);
      vendor.chainsChanged();
    },
    async restart() {
      refresher.stop();
      return compose(t, options);
    },
  };
  return vending;
}

function signIn(home: string, { startUrl, region, tokens }: IdentityCenter): void {
  const cache = join(home, '.aws/sso/cache');
  mkdirSync(cache, { recursive: true });
  const [token] = tokens ?? [];
  if (!token) return;
  const { accessToken, expiresAt } = token;
  writeFileSync(
    join(cache, `${createHash('sha1').update(startUrl).digest('hex')}.json`),
    JSON.stringify({ startUrl, region, accessToken, expiresAt: new Date(expiresAt).toISOString() }),
  );
}
