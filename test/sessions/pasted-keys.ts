import t from 'tap';
import { HOUR, SECOND, turn } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { keysProfile, roleProfile } from '../support/vending-config.js';

t.test('pasted session keys: served to their end, then a message, and one log line', async (t) => {
  let ends = '';
  const { ask, aws, clock, log, pass } = await startVending(t, {
    config: () => {
      ends = new Date(Math.floor(Date.now() / 1000) * 1000 + HOUR).toISOString();
      return `[profile pasted]
aws_access_key_id = ASIAPASTED
aws_secret_access_key = s
aws_session_token = t
aws_expiration = ${ends}
region = eu-west-1
`;
    },
  });
  while (clock.now() < Date.parse(ends) - 10 * SECOND) {
    if ((await ask('pasted')) !== 'ASIAPASTED') t.fail('not what was pasted');
    await pass(10 * SECOND, 10 * SECOND);
  }
  t.equal(log.length, 1);
  await pass(20 * SECOND, 10 * SECOND);
  await t.rejects(ask('pasted'), { code: 'ExpiredToken', statusCode: 403, message: /"pasted".*paste/ });
  t.equal(aws.calls.length, 0);
});

t.test('pasted session keys as the source of a role: neither stored nor announced', async (t) => {
  const { ask, aws, log, store, edit } = await startVending(t, { config: keysProfile('base') });
  await ask('base');
  const given = aws.world.sessions()[0];
  await edit(`[profile pasted]
aws_access_key_id = ${given?.accessKeyId}
aws_secret_access_key = ${given?.secretAccessKey}
aws_session_token = ${given?.sessionToken}
aws_expiration = ${new Date(given?.expiration ?? 0).toISOString()}
region = eu-west-1
${roleProfile('dev', 'pasted')}`);
  t.match(await ask('dev'), /^ASIA/);
  await turn();
  t.same(
    log.map(({ profile }) => profile),
    ['base', 'dev'],
  );
  t.equal((await (await store).keys()).length, 1);
});
