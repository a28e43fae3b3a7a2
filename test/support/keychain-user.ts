/** A process that uses the keychain: it waits for one answer and lets Node end it, or it ends while it waits. */
import { systemClock } from '../../src/system/clock.js';
import { KeychainStore } from '../../src/system/keychain-store.js';

const [service = '', mode] = process.argv.slice(2);
const store = new KeychainStore({ service, env: process.env, clock: systemClock, log: () => {} });
const answer = store.get('a').then(
  (value) => process.send?.({ value }),
  (error) => process.send?.({ error: error.message }),
);
if (mode === 'leave') process.once('message', () => process.exit(0));
else await answer.then(() => process.disconnect());
