import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import type { Narrowing } from '../../src/access/narrowing.js';
import { HOUR, MINUTE } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { keysProfile, roleProfile } from '../support/vending-config.js';

const READ_ONLY = { allowed: { readOnly: true } } as const;
const CONFIG = keysProfile('keys') + roleProfile('app', 'keys');

async function start(t: Test) {
  const address = { is: '203.0.113.7', asked: 0 };
  const server = createServer((_request, response) => {
    address.asked++;
    response.end(`${address.is}\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const addressUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const vending = await startVending(t, { config: CONFIG, addressUrl });
  const ask = async (profile: string, narrowing?: Narrowing): Promise<string> =>
    JSON.parse(String(await vending.vendor.get(profile, narrowing))).AccessKeyId;
  const policyOf = (accessKeyId: string) => vending.aws.world.session(accessKeyId)?.details.policy;
  return { ...vending, ask, address, policyOf };
}

t.test('each narrowing has a session of its own, and equal ones share it', async (t) => {
  const { ask, aws } = await start(t);
  const whole = await ask('app');
  const narrow = await ask('app', READ_ONLY);
  t.not(narrow, whole);
  t.equal(await ask('app', { allowed: { readOnly: true } }), narrow);
  t.equal(await ask('app'), whole);
  t.not(await ask('app', { ...READ_ONLY, sessionName: 'it' }), narrow);
  t.equal(aws.calls.filter(({ operation }) => operation === 'AssumeRole').length, 3);
});

t.test('the address is asked for when the session is obtained, not when it is served', async (t) => {
  const { ask, address, policyOf, pass } = await start(t);
  const auto = { addresses: ['auto'] };
  const first = await ask('app', auto);
  t.match(policyOf(first), '203.0.113.7/32');
  address.is = '198.51.100.1';
  for (let count = 0; count < 50; count++) await ask('app', auto);
  t.equal(await ask('app', auto), first);
  t.equal(address.asked, 1);
  await pass(HOUR - 15 * MINUTE);
  const second = await ask('app', auto);
  t.not(second, first, 'renewed');
  t.match(policyOf(second), '198.51.100.1/32');
  t.equal(address.asked, 2);
});

t.test(
  'refresh and forget mean the narrowed sessions too; a changed file those that it changes',
  async (t) => {
    const { ask, vendor, settled, edit } = await start(t);
    const before = [await ask('app'), await ask('app', READ_ONLY)];
    await vendor.renew('app');
    await settled();
    const renewed = [await ask('app'), await ask('app', READ_ONLY)];
    t.equal(new Set([...before, ...renewed]).size, 4);
    vendor.forget('app');
    t.same(vendor.states(), []);
    const again = [await ask('app'), await ask('app', READ_ONLY)];
    t.equal(new Set([...before, ...renewed, ...again]).size, 6);
    await edit(CONFIG + keysProfile('more'));
    t.same([await ask('app'), await ask('app', READ_ONLY)], again, 'untouched');
    t.same(
      vendor.states().map(({ profile, source }) => [profile, source]),
      [
        ['app', 'access key -> role app'],
        ['app', 'access key -> role app, narrowed'],
      ],
    );
    await edit(keysProfile('keys') + roleProfile('app', 'keys', 'other'));
    t.notSame([await ask('app'), await ask('app', READ_ONLY)], again);
  },
);

t.test(
  'what nobody holds a lease for any more is not renewed, and serves whoever narrows it so next',
  async (t) => {
    const { ask, aws, vendor, pass } = await start(t);
    const narrow = await ask('app', READ_ONLY);
    await pass(10 * MINUTE);
    vendor.release('app', { ...READ_ONLY });
    const calls = aws.calls.length;
    t.equal(await ask('app', READ_ONLY), narrow, 'the next, in a loop, waits for nothing');
    vendor.release('app', READ_ONLY);
    await pass(12 * HOUR);
    t.equal(aws.calls.length, calls);
    t.match(vendor.states(), [{ state: 'lapsed' }]);
    t.not(await ask('app', READ_ONLY), narrow);
    await pass(45 * MINUTE);
    t.equal(aws.calls.length, calls + 2, 'and it is kept warm again');
  },
);

t.test('a narrowing that limits nothing shares the session of the profile, which goes on', async (t) => {
  const { ask, aws, vendor, pass, edit } = await start(t);
  await edit(`${CONFIG}duration_seconds = 7200\n`);
  const whole = await ask('app');
  const same = { durationSeconds: 7200 };
  t.equal(await ask('app', same), whole);
  vendor.release('app', same);
  await pass(105 * MINUTE);
  t.equal(aws.calls.length, 2, 'renewed');
});

t.test('a narrowing for each job: none is kept that has lapsed and that nobody asks for', async (t) => {
  const { ask, vendor, pass, store, settled } = await start(t);
  const job = (index: number) => ({ sessionName: `job-${index}` });
  for (let index = 0; index < 50; index++) {
    await ask('app', job(index));
    vendor.release('app', job(index));
  }
  await pass(30 * MINUTE);
  await ask('app', job(50));
  t.equal(vendor.states().length, 51, 'they last');
  await pass(13 * HOUR);
  await ask('app', job(51));
  t.equal(vendor.states().length, 1);
  await settled();
  t.equal((await (await store).keys()).length, 1);
});
