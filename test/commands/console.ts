import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { machine } from '../support/cli.js';
import { everySource, role } from '../support/sources.js';

async function ready(t: Test) {
  const own = machine(t);
  const world = await everySource(t, own);
  writeFileSync(own.path('config.ini'), `federation_url = ${world.aws.url}/federation\n`);
  own.env.CREDD_CONFIG = own.path('config.ini');
  return { ...own, ...world };
}

t.test('--print gives a URL that signs in as the role session', async (t) => {
  const { credd, aws, secrets } = await ready(t);
  const { code, stdout, stderr } = await credd(['console', 'app', '--service', 's3', '--print']);
  t.equal(code, 0, stderr);
  const url = new URL(stdout.trim());
  t.equal(url.searchParams.get('Destination'), 'https://console.aws.amazon.com/s3/home?region=eu-west-3');
  const page = await (await fetch(url)).text();
  t.match(page, /assumed-role\/MyS3Access\/it at https:\/\/console.aws.amazon.com\/s3/);
  t.equal(stderr, '');
  for (const secret of secrets())
    t.notOk(stdout.includes(encodeURIComponent(secret)) || stdout.includes(secret));
  t.equal(aws.count('getSigninToken', 'ok'), 1);
  t.match(await credd(['console', 'sso', '--print']), { code: 0, stdout: /console%2Fhome%3Fregion/ });
});

t.test('the browser is opened, and no argument tells the URL', async (t) => {
  const { credd, path } = await ready(t);
  const browser = path('browser');
  writeFileSync(
    browser,
    `#!${process.execPath}\nconst url = process.argv[2];
fetch(url, {redirect: 'manual'}).then(async (first) => {
  const again = await fetch(url, {redirect: 'manual'}).then((it) => it.status, () => 0);
  require('fs').writeFileSync('${path('seen')}', JSON.stringify({url, status: first.status, location: first.headers.get('location'), again}));
});\n`,
  );
  chmodSync(browser, 0o755);
  const { code, stdout, stderr } = await credd(['console', 'app'], { env: { BROWSER: browser } });
  t.match(
    { code, stdout, stderr },
    { code: 0, stdout: /^$/, stderr: /console opens in the browser as "app"/ },
  );
  while (!existsSync(path('seen'))) await new Promise((done) => setImmediate(done));
  const seen = JSON.parse(readFileSync(path('seen'), 'utf8') || '{}');
  t.match(seen.url, /^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}$/);
  t.equal(seen.status, 302);
  t.match(seen.location, /Action=login.*SigninToken=/);
  t.not(seen.again, 302, 'it serves once');
});

t.test('where no browser can open, the URL is printed', async (t) => {
  const { credd } = await ready(t);
  for (const env of [{}, { BROWSER: '/no/such/browser' }]) {
    t.match(await credd(['console', 'app'], { env }), {
      code: 0,
      stdout: /^http\S+SigninToken=\S+\n$/,
      stderr: /as good as a password/,
    });
  }
});

t.test('what cannot be signed in', async (t) => {
  const { credd, aws } = await ready(t);
  t.match(await credd(['console', 'keys', '--print']), {
    code: 1,
    stdout: /^$/,
    stderr: /"keys" is a user with access keys, and AWS signs only roles in/,
  });
  t.match(await credd(['console', 'nope', '--print']), { code: 1, stderr: /no profile "nope"/ });
  t.match(await credd(['console', 'app', '--service', 'https://x', '--print']), { code: 2 });
  for (const [fault, stderr] of [
    [{ kind: 'error', status: 400 }, /federation endpoint gave no sign-in: it answered with status 400/],
    [{ kind: 'error', status: 500 }, /status 500/],
    [{ kind: 'garbage' }, /not the federation endpoint/],
    [{ kind: 'drop' }, /the sign-in to the console failed/],
  ] as const) {
    aws.faults.set('getSigninToken', fault);
    t.match(await credd(['console', 'app', '--print']), { code: 1, stdout: /^$/, stderr });
  }
  aws.faults.clear();
  aws.world.removeRole(role('MyApp/MyS3Access'));
  t.match(await credd(['console', 'app', '--print']), { code: 1, stderr: /AccessDenied/ });
});

t.test("a session goes to no other partition's host", async (t) => {
  const { credd, aws, path, env } = await ready(t);
  const config = readFileSync(path('.aws', 'config'), 'utf8');
  writeFileSync(path('.aws', 'config'), config.replace('region = eu-west-3', 'region = eusc-de-east-1'));
  const { code, stdout, stderr } = await credd(['console', 'app', '--print']);
  t.equal(code, 0, stderr);
  const { origin, searchParams } = new URL(stdout.trim());
  t.equal(origin, aws.url);
  t.match(searchParams.get('Destination'), /^https:\/\/console\.amazonaws-eusc\.eu\/console\/home\?/);

  env.CREDD_CONFIG = undefined;
  t.match(await credd(['console', 'app', '--print']), {
    code: 1,
    stdout: /^$/,
    stderr: /no federation endpoint for eusc-de-east-1.*Set federation_url/,
  });
  t.equal(aws.count('getSigninToken'), 1);
});
