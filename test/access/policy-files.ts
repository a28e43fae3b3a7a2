import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { PolicyFiles } from '../../src/access/policy-files.js';
import { drivenClock } from '../support/driven-clock.js';

const policy = (action: string) =>
  JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: action, Resource: '*' } });

/** A policy file that was read once; `told` resolves when a change of it was noticed. */
function watching(t: Test) {
  const path = join(t.testdir({ 'p.json': policy('*') }), 'p.json');
  const clock = drivenClock();
  let tell = () => {};
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const files = new PolicyFiles(clock, () => tell());
  t.teardown(() => files.close());
  files.read('dev', path);
  return { path, clock, files, told };
}

t.test('a change is told though somebody else has read the file since', async (t) => {
  const { path, clock, files, told } = watching(t);
  writeFileSync(path, policy('s3:GetObject'));
  t.match(files.read('dev', path), 's3:GetObject');
  clock.advance(2000);
  await told;
  t.match(files.read('dev', path), 's3:GetObject');
});

t.test('a file that is gone closes its profile, and is told', async (t) => {
  const { path, clock, files, told } = watching(t);
  rmSync(path);
  t.throws(() => files.read('dev', path), { code: 'PolicyUnreadable' });
  clock.advance(2000);
  await told;
});
