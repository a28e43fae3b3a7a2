import t from 'tap';
import { env, keys, role } from '../support/profile-texts.js';
import { readProfiles } from '../support/profiles.js';

t.test('keys that are asked for themselves become a session; as a source they sign themselves', async (t) => {
  const { resolve } = await readProfiles(t, {
    config: `[profile a]\n${role('R', 'source_profile = base')}[profile base]\nregion = eu-west-1\n${keys('AKIABASE')}`,
  });
  t.match(resolve('base').steps, [
    { kind: 'session-token', of: { kind: 'keys', accessKeyId: 'AKIABASE' }, sts: { region: 'eu-west-1' } },
  ]);
  t.match(resolve('a').steps, [{ kind: 'keys', accessKeyId: 'AKIABASE' }, { kind: 'assume-role' }]);
});

t.test('takes a credential_source in any case', async (t) => {
  const { resolve } = await readProfiles(t, {
    config: `[profile a]\n${role('R', 'credential_source = ENVIRONMENT')}`,
    env: { ...env, AWS_SESSION_TOKEN: 'token' },
  });
  t.match(resolve('a').steps[0], { kind: 'keys', accessKeyId: 'AKIAENVIRONMENT', sessionToken: 'token' });
});

t.test('steps with the same credentials have the same key, whichever profile they stand in', async (t) => {
  const { resolve } = await readProfiles(t, {
    config: `[profile a]\n${role('R', 'source_profile = base')}[profile b]\n${role('R', 'source_profile = base')}
[profile c]\n${role('R', 'source_profile = base\nexternal_id = x')}[profile d]\n${role('R', 'source_profile = other')}
[profile base]\n${keys('AKIABASE')}[profile other]\n${keys('AKIAOTHER')}`,
  });
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => resolve(name).keys);
  t.strictSame(a, b);
  t.equal(a?.[0], c?.[0]);
  t.not(a?.[1], c?.[1]);
  t.not(a?.[1], d?.[1], 'the same role from another source is another session');
  t.notMatch(JSON.stringify(a), 'secret');
});

t.test('names the role session after the person, in letters that AWS takes', async (t) => {
  const config = `[profile a]\n${role('R', 'credential_source = EcsContainer')}`;
  const nameFor = async (env: Record<string, string>) => {
    const { resolve } = await readProfiles(t, { config, env });
    return (resolve('a').steps[1] as { sessionName: string }).sessionName;
  };
  t.equal(await nameFor({ USER: 'Zoë Doe' }), 'credd-Zo--Doe');
  t.equal(await nameFor({ USER: 'x'.repeat(100) }), `credd-${'x'.repeat(58)}`);
});

t.test('a chain thousands of profiles long takes no time to speak of, and no stack', async (t) => {
  const length = 3000;
  const hops = Array.from(
    { length },
    (_, i) => `[profile p${i}]\n${role('R', `source_profile = p${i + 1}`)}`,
  );
  const { resolve } = await readProfiles(t, {
    config: `${hops.join('')}[profile p${length}]\n${keys('AKIAEND')}`,
  });
  t.equal(resolve('p0').steps.length, length + 1);
});
