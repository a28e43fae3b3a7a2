import '../support/clean-environment.js';
import t, { type Test } from 'tap';
import { resolveProfile } from '../../src/aws/profile.js';
import { readSharedConfig } from '../../src/aws/shared-config.js';
import { currentKeys } from '../../src/daemon/current-keys.js';

const CONFIG = `[profile role]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = base
[profile broken]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = gone
`;

async function keysOf(t: Test, config: string, problem?: string) {
  const home = t.testdir({
    config,
    credentials: '[base]\naws_access_key_id = A\naws_secret_access_key = S\n',
  });
  const paths = { config: `${home}/config`, credentials: `${home}/credentials`, home };
  const current = await readSharedConfig(paths);
  const chain = (profile: string) => resolveProfile(profile, current, {});
  const asked: unknown[] = [];
  const keys = currentKeys({
    config: { current, problem },
    profileSettings: { problem: undefined },
    leases: { list: () => [{ profile: 'role', narrowing: { addresses: ['auto'] } }] },
    chain(profile, narrowing) {
      if (narrowing) asked.push([profile, narrowing]);
      return chain(profile);
    },
  });
  return { keys, chain, asked };
}

t.test('every step of every profile is wanted, and those of narrowed leases', async (t) => {
  const { keys, chain, asked } = await keysOf(t, CONFIG);
  t.same([...(keys ?? [])].sort(), [...new Set([...chain('role').keys, ...chain('base').keys])].sort());
  t.equal(keys?.size, 3, 'the keys themselves, their session, the role');
  t.same(asked, [['role', { addresses: ['auto'] }]]);
});

t.test('of files that are broken just now nothing is concluded', async (t) => {
  t.equal((await keysOf(t, CONFIG, 'line 3 is torn')).keys, undefined);
});
