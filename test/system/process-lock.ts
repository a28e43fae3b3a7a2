import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { lockHolder, takeLock } from '../../src/system/process-lock.js';
import { runScript } from '../support/loopback.js';

t.test('one at a time has it, and nobody once that one has let go', async (t) => {
  const path = join(t.testdir({}), 'lock');
  t.equal(await lockHolder(path), undefined);
  const lock = await takeLock(path, {});
  t.equal(await lockHolder(path), String(process.pid));
  t.equal(await takeLock(path, {}), undefined);
  t.equal(await takeLock(path, {}), undefined, 'to ask does not let go of it');
  await lock?.release();
  const next = await takeLock(path, {});
  t.ok(next);
  await next?.release();
});

t.test('it goes with a process that is killed', async (t) => {
  const path = join(t.testdir({}), 'lock');
  const module = new URL('../../dist/system/process-lock.js', import.meta.url).href;
  const { process: holder, hears } = await runScript(
    t,
    `import(${JSON.stringify(module)}).then(({ takeLock }) => takeLock(${JSON.stringify(path)}, {}))
      .then((lock) => console.log(Boolean(globalThis.lock = lock)))`,
  );
  t.equal(await hears(), 'true');
  t.equal(await takeLock(path, {}), undefined);
  t.equal(await lockHolder(path), String(holder.pid));
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const lock = await takeLock(path, {});
  t.ok(lock);
  await lock?.release();
});
