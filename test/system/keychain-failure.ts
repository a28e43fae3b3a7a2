import { join } from 'node:path';
import t from 'tap';
import { KeychainStore } from '../../src/system/keychain-store.js';
import type { Environment } from '../../src/system/paths.js';
import { drivenClock } from '../support/driven-clock.js';
import { missing, startBus } from '../support/keyring.js';

t.test('says what is missing', { skip: missing }, async (t) => {
  const home = t.testdir({
    'no-keytar.cjs': `const Module = require('node:module');
      const load = Module._load;
      Module._load = (name, ...rest) => {
        if (name === 'keytar') throw Object.assign(new Error('no such module'), { code: 'MODULE_NOT_FOUND' });
        return load(name, ...rest);
      };`,
  });
  const bus = await startBus();
  t.teardown(() => bus.stop());
  const bare = { PATH: process.env.PATH, HOME: home };
  const cases: [string, Environment, RegExp][] = [
    [
      'keytar',
      { ...bare, NODE_OPTIONS: `--require=${join(home, 'no-keytar.cjs')}` },
      /keytar.*not installed/,
    ],
    ['a D-Bus session', bare, /no D-Bus session/],
    [
      'a D-Bus that is there',
      { ...bare, DBUS_SESSION_BUS_ADDRESS: `unix:path=${home}/none` },
      /no D-Bus session/,
    ],
    ['a Secret Service', bus.env, /no Secret Service/],
  ];
  for (const [name, env, message] of cases) {
    // With all the time that a busy machine may need.
    const store = new KeychainStore({ service: 'credd-test', env, clock: drivenClock(), log: () => {} });
    t.teardown(() => store.close());
    await t.rejects(store.get('a'), { code: 'StoreUnavailable', statusCode: 503, message }, name);
    await t.rejects(store.set('a', 'b'), { code: 'StoreUnavailable', statusCode: 503, message }, name);
  }
});
