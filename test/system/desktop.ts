import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { browserCommand, notifyPerson, openBrowser } from '../../src/system/desktop.js';

const URL = 'https://example.com/?a=1&b=$(id)';

t.test('which command opens a browser', async (t) => {
  const folder = t.testdir({ 'xdg-open': '' });
  chmodSync(join(folder, 'xdg-open'), 0o700);
  const PATH = `/nonexistent:${folder}`;
  t.strictSame(browserCommand({ PATH, BROWSER: 'firefox --new-tab %s:w3m' }, 'linux'), [
    'firefox',
    '--new-tab',
    '%s',
  ]);
  t.strictSame(browserCommand({ PATH, DISPLAY: ':0' }, 'linux'), ['xdg-open']);
  t.strictSame(browserCommand({ PATH, WAYLAND_DISPLAY: 'wayland-0' }, 'linux'), ['xdg-open']);
  t.equal(browserCommand({ PATH }, 'linux'), undefined, 'no display');
  t.equal(browserCommand({ PATH: '/nonexistent', DISPLAY: ':0' }, 'linux'), undefined);
  t.strictSame(browserCommand({}, 'darwin'), ['open']);
  t.equal(browserCommand({ SSH_CONNECTION: '1 2 3 4' }, 'darwin'), undefined);
});

t.test('the address is one argument, whatever is in it', async (t) => {
  const folder = t.testdir({});
  const program = join(folder, 'browser');
  const seen = join(folder, 'seen');
  writeFileSync(program, `#!/bin/sh\nprintf '%s|' "$@" > ${seen}\n`, { mode: 0o700 });
  t.equal(await openBrowser(URL, { BROWSER: program }), true);
  t.equal(readFileSync(seen, 'utf8'), `${URL}|`);
  t.equal(await openBrowser(URL, { BROWSER: `${program} --url=%s -x` }), true);
  t.equal(readFileSync(seen, 'utf8'), `--url=${URL}|-x|`);
});

t.test('a browser that cannot be opened is no error', async (t) => {
  t.equal(await openBrowser(URL, {}), false);
  t.equal(await openBrowser(URL, { BROWSER: '/nonexistent/browser' }), false);
  t.equal(await openBrowser(URL, { BROWSER: 'false', PATH: process.env.PATH }), false);
  t.doesNotThrow(() => notifyPerson('title', 'text', { PATH: '/nonexistent' }));
});
