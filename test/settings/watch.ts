import { EventEmitter, once } from 'node:events';
import { rename, unlink, writeFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { watchProfileSettings } from '../../src/settings/watch.js';
import { readSettings } from '../../src/settings.js';
import { systemClock } from '../../src/system/clock.js';

async function setUp(t: Test, text?: string) {
  const home = t.testdir({ '.config': { credd: text === undefined ? {} : { 'config.ini': text } } });
  const path = `${home}/.config/credd/config.ini`;
  const settings = readSettings({ HOME: home });
  const watched = await watchProfileSettings(settings, systemClock);
  t.teardown(watched.close);
  const events = new EventEmitter();
  watched.subscribe(() => events.emit('change'));
  return { path, watched, settings, changed: () => once(events, 'change') };
}

const keepAlive = (t: Test) => {
  const timer = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(timer));
};

t.test('an edit takes effect', async (t) => {
  keepAlive(t);
  const { path, watched, changed } = await setUp(t, '[profile prod]\naccess = token\n');
  t.equal(watched.of('prod').access, 'token');
  let change = changed();
  await writeFile(path, 'access = token\n');
  await change;
  t.equal(watched.of('any').access, 'token');

  change = changed();
  await writeFile(`${path}.new`, '[profile prod]\naccess = same-user\n');
  await rename(`${path}.new`, path);
  await change;
  t.equal(watched.of('any').access, 'same-user');
  t.equal(watched.problem, undefined);
});

t.test('a file that comes, and one that goes', async (t) => {
  keepAlive(t);
  const { path, watched, changed } = await setUp(t);
  t.equal(watched.of('prod').access, 'same-user');
  let change = changed();
  await writeFile(path, '[profile prod]\naccess = token\n');
  await change;
  t.equal(watched.of('prod').access, 'token');
  change = changed();
  await unlink(path);
  await change;
  t.equal(watched.of('prod').access, 'same-user');
});

t.test('a broken file changes nothing but the problem', async (t) => {
  keepAlive(t);
  const { path, watched, changed } = await setUp(t, '[profile prod]\naccess = token\n');
  for (const [text, problem] of [
    ['[profile prod]\naccess = tok', /line 2 of .*config\.ini/],
    ['[profile pr', /line 1/],
    ['port = x\n', /port/],
    ['', /suddenly empty/],
    [' \n', /suddenly empty/],
  ] as const) {
    const change = changed();
    await writeFile(path, text);
    await change;
    t.match(watched.problem, problem);
    t.equal(watched.of('prod').access, 'token');
  }
  const change = changed();
  await writeFile(path, '[profile prod]\naccess = token\n[profile dev]\naccess = token\n');
  await change;
  t.equal(watched.problem, undefined);
  t.equal(watched.of('dev').access, 'token');
});

t.test('what changed between reading and watching is not missed', async (t) => {
  const home = t.testdir({ '.config': { credd: { 'config.ini': 'access = same-user' } } });
  const settings = readSettings({ HOME: home });
  await writeFile(`${home}/.config/credd/config.ini`, 'access = token');
  const watched = await watchProfileSettings(settings, systemClock);
  t.teardown(watched.close);
  t.equal(watched.of('any').access, 'token');
});

t.test('an empty file from the start is no problem', async (t) => {
  const { watched } = await setUp(t, '');
  t.equal(watched.problem, undefined);
  t.equal(watched.of('any').access, 'same-user');
});

t.test('notify and auto_login are followed too', async (t) => {
  keepAlive(t);
  const { path, watched, changed } = await setUp(t, 'notify = true\n');
  t.match(watched, { notify: true, autoLogin: false });
  let change = changed();
  await writeFile(path, 'auto_login = true\n');
  await change;
  t.equal(watched.notify, false);
  t.equal(watched.autoLogin, true);
  change = changed();
  await writeFile(path, 'auto_login = perhaps\n');
  await change;
  t.equal(watched.autoLogin, true, 'a broken file changes nothing');
});
