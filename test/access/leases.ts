import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import t, { type Test } from 'tap';
import { isToken, Leases, newToken } from '../../src/access/leases.js';
import { processStart } from '../../src/system/process.js';
import { drivenClock } from '../support/driven-clock.js';

const SWEEP = 15_000;
const HALF_A_DAY = 12 * 3600_000;

function setUp(t: Test) {
  const folder = `${t.testdir({})}/run`;
  const clock = drivenClock();
  const leases = new Leases({ folder, clock });
  t.teardown(() => leases.close());
  return { folder, clock, leases };
}

/** Whoever removes a file does so some time after the clock has moved. */
async function gone(path: string): Promise<void> {
  const watcher = watch(dirname(path));
  try {
    for (const changes = changesOf(watcher); await exists(path); ) await changes.next();
  } finally {
    watcher.close();
  }
}

async function* changesOf(watcher: ReturnType<typeof watch>) {
  let wake = () => {};
  let seen = false;
  watcher.on('change', () => {
    seen = true;
    wake();
  });
  for (;;) {
    if (!seen)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    seen = false;
    yield;
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

t.test('a lease is found by its token alone, and says for which profile it is', async (t) => {
  const { leases, clock } = setUp(t);
  const dev = await leases.grant({ profile: 'dev' });
  const prod = await leases.grant({ profile: 'prod' });
  t.equal(leases.find(dev.token)?.profile, 'dev');
  t.equal(leases.find(prod.token)?.profile, 'prod');
  t.equal(dev.lease.expiresAt, clock.now() + HALF_A_DAY);
  t.not(dev.lease.id, prod.lease.id);
  for (const token of [
    '',
    dev.lease.id,
    dev.token.slice(1),
    `${dev.token} `,
    dev.token.toUpperCase(),
    '__proto__',
  ])
    t.equal(leases.find(token), undefined);
});

t.test('a token is 32 random bytes, as every SDK takes them', async (t) => {
  const tokens = new Set(Array.from({ length: 1000 }, newToken));
  t.equal(tokens.size, 1000);
  for (const token of tokens) if (!/^[A-Za-z0-9_-]{43}$/.test(token)) t.fail(token);
});

t.test('the token file holds the token and nothing else, for us alone', async (t) => {
  const { leases, folder } = setUp(t);
  const { lease, token } = await leases.grant({ profile: 'dev' });
  t.equal(await readFile(lease.tokenFile ?? '', 'utf8'), token, 'no newline');
  t.equal((await stat(lease.tokenFile ?? '')).mode & 0o777, 0o600);
  t.equal((await stat(folder)).mode & 0o777, 0o700);
  t.equal(dirname(lease.tokenFile ?? ''), folder);
  t.notMatch(lease.tokenFile ?? '', token);
});

t.test('a lease that is ended', async (t) => {
  const { leases } = setUp(t);
  const { lease, token } = await leases.grant({ profile: 'dev' });
  const other = await leases.grant({ profile: 'dev' });
  t.equal(await leases.end('nonsense'), false);
  t.equal(await leases.end(lease.id), true);
  t.equal(leases.find(token), undefined);
  t.equal(await exists(lease.tokenFile ?? ''), false);
  t.equal(await leases.end(lease.id), false);
  t.ok(leases.find(other.token));
});

t.test('a lease is over at its time to the millisecond, and then its file goes', async (t) => {
  const { leases, clock } = setUp(t);
  const { lease, token } = await leases.grant({ profile: 'dev', ttl: 20_000 });
  const long = await leases.grant({ profile: 'dev' });
  t.equal(lease.expiresAt, clock.now() + 20_000);
  clock.advance(19_999);
  t.ok(leases.find(token));
  clock.advance(1);
  t.equal(leases.find(token), undefined);
  const removed = gone(lease.tokenFile ?? '');
  while (await exists(lease.tokenFile ?? '')) {
    clock.advance(SWEEP);
    await new Promise(setImmediate);
  }
  await removed;
  t.ok(leases.find(long.token));
  t.ok(await exists(long.lease.tokenFile ?? ''));
});

t.test('a lease ends with the process that holds it', async (t) => {
  const { leases, clock } = setUp(t);
  const child = spawn('sleep', ['1000']);
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const startedAt = await processStart(pid);
  t.type(startedAt, 'string');
  const held = await leases.grant({ profile: 'dev', holder: { pid, startedAt: startedAt ?? '' } });
  const ours = { pid: process.pid, startedAt: (await processStart(process.pid)) ?? '' };
  const kept = await leases.grant({ profile: 'dev', holder: ours });
  const reused = await leases.grant({ profile: 'dev', holder: { ...ours, startedAt: 'before' } });

  const reusedGone = gone(reused.lease.tokenFile ?? '');
  clock.advance(SWEEP);
  await reusedGone;
  t.equal(leases.find(reused.token), undefined, 'a later process with the same pid is another');
  t.ok(leases.find(held.token), 'while it runs');

  child.kill('SIGKILL');
  await once(child, 'exit');
  const heldGone = gone(held.lease.tokenFile ?? '');
  while (leases.find(held.token)) {
    clock.advance(SWEEP);
    await new Promise(setImmediate);
  }
  await heldGone;
  t.equal(leases.find(held.token), undefined);
  t.ok(leases.find(kept.token));
});

t.test(
  'whoever obtained something for a lease is told of its end, and whether another has the same',
  async (t) => {
    const clock = drivenClock();
    const ended: string[] = [];
    const leases = new Leases({
      folder: `${t.testdir({})}/run`,
      clock,
      ended: ({ id, profile, narrowing }) =>
        void ended.push(`${id} ${narrowing && leases.isHeld(profile, narrowing)}`),
    });
    t.teardown(() => leases.close());
    const narrowing = { allowed: { readOnly: true } } as const;
    const terms = { profile: 'dev', narrowing };
    const [first, second, other] = await Promise.all([
      leases.grant(terms),
      leases.grant({ profile: 'dev', narrowing: { allowed: { readOnly: true } }, ttl: 1000 }),
      leases.grant({ profile: 'prod', narrowing, ttl: HALF_A_DAY * 2 }),
    ]);
    await leases.end(first.lease.id);
    t.same(ended, [`${first.lease.id} true`]);
    await leases.end(first.lease.id);
    const secondGone = gone(second.lease.tokenFile ?? '');
    clock.advance(SWEEP);
    await secondGone;
    t.same(ended.slice(1), [`${second.lease.id} false`], 'when its time is over');
    t.ok(leases.isHeld('prod', other.lease.narrowing ?? {}));
  },
);

t.test('when credd stops, all leases end and no file stays', async (t) => {
  const { leases, folder } = setUp(t);
  const grants = await Promise.all(Array.from({ length: 20 }, () => leases.grant({ profile: 'dev' })));
  t.equal((await readdir(folder)).length, 20);
  await leases.close();
  t.same(await readdir(folder), []);
  t.notOk(grants.some(({ token }) => leases.find(token)));
});

t.test('a file that cannot be removed ends no less', async (t) => {
  const { leases, folder, clock } = setUp(t);
  const { lease, token } = await leases.grant({ profile: 'dev', ttl: 1000 });
  const { rename, writeFile } = await import('node:fs/promises');
  await rename(folder, `${folder}-moved`);
  await writeFile(folder, 'a file is in the way of the folder');
  clock.advance(SWEEP);
  t.equal(leases.find(token), undefined);
  await leases.end(lease.id);
  await t.rejects(
    leases.grant({ profile: 'dev' }),
    { name: 'CredentialError' },
    'and a new one is refused in words',
  );
});

t.test('tokens are compared as a whole', async (t) => {
  const expected = Buffer.from('secret');
  t.equal(isToken('secret', expected), true);
  for (const token of ['', 's', 'secre', 'secrets', 'Secret', 'secre\u0442'])
    t.equal(isToken(token, expected), false);
});
