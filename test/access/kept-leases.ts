import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { Leases } from '../../src/access/leases.js';
import { processStart } from '../../src/system/process.js';
import { drivenClock } from '../support/driven-clock.js';
import { runScript } from '../support/loopback.js';

const HOUR = 3600_000;

/** A daemon's leases, and those of the daemons after it. */
function kept(t: Test) {
  const folder = t.testdir({});
  const file = join(folder, 'leases');
  const clock = drivenClock();
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message) };
  const next = async () => {
    const leases = new Leases({ folder: join(folder, 'run'), file, clock, log });
    await leases.restore();
    return leases;
  };
  return { folder, file, clock, warnings, next };
}

async function holder(t: Test) {
  const { process } = await runScript(t, '');
  const pid = process.pid ?? -1;
  const startedAt = await processStart(pid);
  if (startedAt === undefined) throw new Error('the holder does not run');
  return { process, identity: { pid, startedAt } };
}

t.test('a lease is found by its token, for as long as it lasts', async (t) => {
  const { next, clock } = kept(t);
  const leases = await next();
  const { lease, token } = await leases.grant({ profile: 'dev', ttl: HOUR });
  const { token: usual } = await leases.grant({ profile: 'dev' });
  t.equal(leases.find(token), lease);
  t.equal(leases.find(`${token}x`), undefined);
  t.equal(readFileSync(lease.tokenFile ?? '', 'utf8'), token);
  clock.advance(HOUR - 1);
  t.equal(leases.find(token), lease);
  t.equal(leases.list().length, 2);
  clock.advance(1);
  t.equal(leases.find(token), undefined);
  t.match(leases.list(), [{ profile: 'dev', expiresAt: lease.grantedAt + 12 * HOUR }]);
  clock.advance(11 * HOUR);
  t.equal(leases.find(usual), undefined);
  await leases.close();
});

t.test('what is kept: hashes, and nothing that opens anything', async (t) => {
  const { next, file } = kept(t);
  const leases = await next();
  t.notOk(existsSync(file), 'nothing is written before there is a lease');
  const { lease, token } = await leases.grant({ profile: 'dev', container: true });
  t.equal(statSync(file).mode & 0o777, 0o600);
  const text = readFileSync(file, 'utf8');
  t.notMatch(text, token);
  t.match(JSON.parse(text), {
    leases: [{ id: lease.id, profile: 'dev', container: true, hash: /^[\w-]{43}$/ }],
  });
  t.equal(lease.tokenFile, undefined, 'a container would not find a file of ours');
  await leases.close();
});

t.test('a restart keeps leases, and forgets what has ended', async (t) => {
  const { next, clock } = kept(t);
  const first = await next();
  const { process, identity } = await holder(t);
  const lasting = await first.grant({ profile: 'a b/é', ttl: 2 * HOUR });
  const held = await first.grant({ profile: 'dev', holder: identity });
  const gone = await first.grant({ profile: 'dev', holder: { ...identity, startedAt: 'another time' } });
  const short = await first.grant({ profile: 'dev', ttl: HOUR });
  const revoked = await first.grant({ profile: 'dev' });
  // Whatever plain data a lease is given.
  Object.assign(lasting.lease, { narrowing: { tags: { k: ['v', 1, null] } }, lastUsedAt: 5 });
  t.equal(await first.end(revoked.lease.id), true);
  t.equal(await first.end(revoked.lease.id), false);
  await first.close();
  t.ok(existsSync(lasting.lease.tokenFile ?? ''), 'the token file of a lasting lease stays');

  clock.advance(HOUR);
  const second = await next();
  t.same(second.find(lasting.token), lasting.lease);
  t.equal(second.find(lasting.token), second.find(lasting.token), 'remembered');
  t.same(second.find(held.token), held.lease);
  t.equal(held.lease.expiresAt, undefined);
  for (const { lease, token } of [gone, short, revoked]) {
    t.equal(second.find(token), undefined);
    t.notOk(existsSync(lease.tokenFile ?? ''));
  }
  t.same(
    second
      .list()
      .map(({ id }) => id)
      .sort(),
    [lasting.lease.id, held.lease.id].sort(),
  );
  await second.end(lasting.lease.id);
  t.equal(second.find(lasting.token), undefined, 'a lease that was restored can be revoked');
  await second.close();

  const ended = new Promise((resolve) => process.once('exit', resolve));
  process.kill('SIGKILL');
  await ended;
  const third = await next();
  t.same(third.list(), []);
  t.equal(third.find(held.token), undefined);
  await third.close();
});

t.test('without a file they end with the daemon', async (t) => {
  const folder = t.testdir({});
  const leases = new Leases({ folder, clock: drivenClock() });
  const { lease, token } = await leases.grant({ profile: 'dev' });
  await leases.close();
  t.equal(leases.find(token), undefined);
  t.notOk(existsSync(lease.tokenFile ?? ''));
});

t.test('a damaged file: said, and no reason to stop', async (t) => {
  const { next, file, warnings } = kept(t);
  writeFileSync(file, '{"leases": [', { mode: 0o600 });
  const leases = await next();
  t.same(leases.list(), []);
  t.match(warnings, [/leases is damaged/]);
  await leases.close();
  writeFileSync(file, '{"leases": [null, {"id": 1}, {"hash":"h","id":"i","profile":"p","grantedAt":1}]}');
  t.same((await next()).list(), [], 'a lease without an end is none');
});

t.test('a file that others can read is an error that names the chmod', async (t) => {
  const { next, file } = kept(t);
  writeFileSync(file, '{"leases": []}');
  chmodSync(file, 0o640);
  await t.rejects(next(), { code: 'NotPrivate', message: /chmod 600 / });
});

t.test('a folder that cannot be written: the lease is good, a revocation says so', async (t) => {
  const { folder, clock } = kept(t);
  const warnings: string[] = [];
  writeFileSync(join(folder, 'in-the-way'), '');
  const leases = new Leases({
    folder: join(folder, 'run'),
    file: join(folder, 'in-the-way', 'leases'),
    clock,
    log: { warn: (message) => warnings.push(message) },
  });
  const { lease, token } = await leases.grant({ profile: 'dev' });
  t.equal(leases.find(token), lease);
  t.match(warnings, [/cannot write .*leases.* will end when the daemon stops/]);
  await t.rejects(leases.end(lease.id), { code: 'CannotWrite', message: /has ended, but .*a restart/ });
  t.equal(leases.find(token), undefined, 'but it has ended');
});

t.test('what could not be written is written as soon as it can be', async (t) => {
  const { next, file, folder, clock } = kept(t);
  const leases = await next();
  const inTheWay = async (act: () => Promise<void>) => {
    renameSync(file, join(folder, 'aside'));
    mkdirSync(join(file, 'x'), { recursive: true });
    await act();
    rmSync(file, { recursive: true });
    renameSync(join(folder, 'aside'), file);
  };
  const [first, second] = [await leases.grant({ profile: 'dev' }), await leases.grant({ profile: 'dev' })];
  const count = () => JSON.parse(readFileSync(file, 'utf8')).leases.length;
  await inTheWay(() => t.rejects(leases.end(first.lease.id), { code: 'CannotWrite' }).then(() => {}));
  t.equal(count(), 2);
  clock.advance(15_000);
  while (count() !== 1) await setImmediate();

  await inTheWay(() => t.rejects(leases.end(second.lease.id), { code: 'CannotWrite' }).then(() => {}));
  await leases.close();
  t.equal(count(), 0, 'or when the daemon stops, though none is left');
  t.equal((await next()).find(second.token), undefined);
});

t.test('many at once', async (t) => {
  const { next, file } = kept(t);
  const leases = await next();
  const grants = await Promise.all(Array.from({ length: 200 }, (_, n) => leases.grant({ profile: `p${n}` })));
  t.equal(JSON.parse(readFileSync(file, 'utf8')).leases.length, 200);
  await Promise.all(grants.slice(0, 199).map(({ lease }) => leases.end(lease.id)));
  t.match(JSON.parse(readFileSync(file, 'utf8')).leases, [{ profile: 'p199' }]);
  await leases.close();
});
