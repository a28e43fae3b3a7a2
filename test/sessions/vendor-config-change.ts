import t from 'tap';
import { turn } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { ACCOUNT, base, dev, roleProfile } from '../support/vending-config.js';

t.test('config changes: only what it changed is dropped, from the store too', async (t) => {
  const { ask, edit, store, vendor, aws } = await startVending(t, {
    config: `${dev}${roleProfile('ops', 'base')}${roleProfile('gone', 'base')}`,
  });
  const keptStore = await store;
  const [devKey, opsKey] = [await ask('dev'), await ask('ops'), await ask('gone')];
  const stored = await keptStore.keys();
  t.equal(stored.length, 3);
  const body = vendor.get('dev');
  await edit(`# a comment\n${roleProfile('ops', 'base', 'ops', 'external_id = 7')}${dev}`);
  t.equal(vendor.get('dev'), body, 'untouched');
  await turn();
  t.equal((await keptStore.keys()).length, 1, 'what changed or went is no longer stored');
  t.not(await ask('ops'), opsKey);
  t.equal(aws.calls.at(-1)?.params.ExternalId, '7');
  await t.rejects(async () => ask('gone'), { code: 'UnknownProfile', statusCode: 400 });
  t.same(
    vendor.states().map(({ profile, state }) => [profile, state]),
    [
      ['dev', 'ready'],
      ['ops', 'ready'],
    ],
  );
  t.equal(aws.calls.length, 4);
  t.equal(await ask('dev'), devKey);
});

t.test('a changed source drops the roles behind it, and no others', async (t) => {
  const config = (role: string) =>
    `${base}${roleProfile('hub', 'base', role)}${roleProfile('a', 'hub')}${roleProfile('b', 'base')}`;
  const { ask, edit, aws } = await startVending(t, { config: config('hub-1') });
  const [a, b] = [await ask('a'), await ask('b')];
  await edit(config('hub-2'));
  t.equal(await ask('b'), b);
  t.not(await ask('a'), a);
  t.equal(aws.calls.length, 5);
});

t.test('a profile that breaks and is mended: its session is gone, and the next is had', async (t) => {
  const { ask, edit, vendor } = await startVending(t, { config: dev });
  const first = await ask('dev');
  await edit(roleProfile('dev', 'base'));
  await t.rejects(async () => ask('dev'), { code: 'InvalidProfile', statusCode: 400 });
  t.same(vendor.states(), []);
  await edit(dev);
  t.not(await ask('dev'), first);
});

t.test('the config changes during a flight: who waits is answered, nothing of it is kept', async (t) => {
  const { ask, edit, hang, release, settled, aws, store } = await startVending(t, { config: dev });
  hang();
  const early = ask('dev');
  await settled();
  await edit(`${base}${roleProfile('dev', 'base', 'other')}`);
  release();
  const old = await early;
  t.match(old, /^ASIA/);
  t.not(await ask('dev'), old);
  t.equal(aws.calls.at(-1)?.params.RoleArn, `arn:aws:iam::${ACCOUNT}:role/other`);
  await turn();
  t.equal((await (await store).keys()).length, 1);
});
