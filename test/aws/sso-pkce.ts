import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { signInByCode } from '../../src/aws/sso-pkce.js';
import { registrationFile } from '../../src/aws/sso-registration.js';
import { systemClock } from '../../src/system/clock.js';
import { run } from '../support/cli.js';
import { signInLab } from '../support/sign-ins.js';

const redirectOf = (url: string) => new URL(new URL(url).searchParams.get('redirect_uri') ?? '');

/** As a browser in which the person follows a link of the page. */
async function choose(url: string, word: 'Allow' | 'Deny'): Promise<Response> {
  const text = await (await fetch(url)).text();
  const href = new RegExp(`href="([^"]*)">${word}`).exec(text)?.[1]?.replaceAll('&#38;', '&') ?? '';
  return fetch(new URL(href, url));
}

t.test('the person allows it: a token that can be renewed, and a page that says so', async (t) => {
  const { parts, about, clock } = await signInLab(t);
  const attempt = await signInByCode(about, parts);
  const asked = new URL(attempt.url).searchParams;
  t.equal(asked.get('code_challenge_method'), 'S256');
  t.match(asked.get('redirect_uri'), /^http:\/\/127\.0\.0\.1:\d+\/oauth\/callback$/);
  const page = await choose(attempt.url, 'Allow');
  t.match([page.status, await page.text()], [200, /Signed in.*close this page/]);
  t.match(await attempt.token, {
    startUrl: about.startUrl,
    region: 'eu-west-1',
    expiresAt: clock.now() + 8 * 3600_000,
    refreshToken: String,
    clientId: String,
    clientSecret: String,
    registrationExpiresAt: clock.now() + 90 * 86_400_000,
  });
  await t.rejects(fetch(redirectOf(attempt.url)), 'nobody listens any more');
});

t.test('the person refuses', async (t) => {
  const { parts, about, aws } = await signInLab(t);
  const attempt = await signInByCode(about, parts);
  const page = await choose(attempt.url, 'Deny');
  t.match([page.status, await page.text()], [403, /Not signed in.*refused/]);
  await t.rejects(attempt.token, {
    code: 'SignInDenied',
    statusCode: 403,
    message: /type: credd login wellcome/,
  });
  t.equal(aws.count('CreateToken'), 0);
});

t.test('it fails in the browser', async (t) => {
  const { parts, about } = await signInLab(t);
  const attempt = await signInByCode(about, parts);
  const state = new URL(attempt.url).searchParams.get('state');
  t.equal((await fetch(`${redirectOf(attempt.url)}?error=server_error&state=${state}`)).status, 403);
  await t.rejects(attempt.token, {
    code: 'SignInFailed',
    message: /\(server_error\)\. To try again, type: credd login wellcome$/,
  });
});

t.test('somebody else calls at the redirect: nothing happens to the sign-in', async (t) => {
  const { parts, about, aws } = await signInLab(t);
  const attempt = await signInByCode(about, parts);
  const uri = redirectOf(attempt.url);
  const status = async (path: string, method = 'GET') => (await fetch(new URL(path, uri), { method })).status;
  t.equal(await status('?code=x&state=guessed'), 400);
  t.equal(await status('?error=access_denied'), 400);
  t.equal(await status(`?state=${new URL(attempt.url).searchParams.get('state')}`), 400);
  t.equal(await status('/'), 404);
  t.equal(await status('?code=x&state=guessed', 'POST'), 404);
  t.equal(aws.count('CreateToken'), 0);
  await choose(attempt.url, 'Allow');
  t.ok((await attempt.token).accessToken);
});

t.test('a code that is not good', async (t) => {
  const { parts, about } = await signInLab(t);
  const attempt = await signInByCode(about, parts);
  const { state } = Object.fromEntries(new URL(attempt.url).searchParams);
  const page = await fetch(`${redirectOf(attempt.url)}?code=stolen&state=${state}`);
  t.match([page.status, await page.text()], [403, /failed.*terminal/]);
  await t.rejects(attempt.token, { code: 'SignInEnded', message: /credd login wellcome/ });
});

t.test('the browser is closed: it ends by itself', async (t) => {
  const { parts, about, clock } = await signInLab(t);
  const attempt = await signInByCode(about, parts);
  t.equal(attempt.expiresAt, clock.now() + 600_000);
  clock.advance(600_000);
  await t.rejects(attempt.token, { code: 'SignInExpired', message: /nobody confirmed/ });
  await t.rejects(fetch(redirectOf(attempt.url)));
});

/** In a network of its own, with one port for all, which is taken. */
const NO_PORT = `
import { createServer } from 'node:net';
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { signInByCode } from '${resolve('dist/aws/sso-pkce.js')}';
import { systemClock as clock } from '${resolve('dist/system/clock.js')}';
writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '40000 40000');
const taken = createServer().listen(40000, '127.0.0.1');
await once(taken, 'listening');
const [about, cacheDir] = JSON.parse(process.argv[1]);
const { code, message } = await signInByCode(about, { clients: {}, clock, cacheDir }).catch((error) => error);
console.log(JSON.stringify({ code, message }));
taken.close();`;
const noNetwork =
  spawnSync('unshare', ['-rn', 'true']).status !== 0 && 'needs unshare(1), and the right to it';

t.test('no port is left for the redirect', { skip: noNetwork }, async (t) => {
  const { parts, about, cacheDir } = await signInLab(t);
  (await signInByCode(about, { ...parts, clock: systemClock })).abandon();
  const before = readdirSync(cacheDir);
  const within = ['--input-type=module', '-e', NO_PORT, JSON.stringify([about, cacheDir])];
  const { stdout, stderr } = await run(t, ['unshare', '-rn', process.execPath, ...within]).ended;
  t.equal(stderr, '');
  t.match(JSON.parse(stdout), {
    code: 'NoRedirectPort',
    message: /^Sign-in to wellcome: no port .*EADDRINUSE.*Type: credd login wellcome --device$/,
  });
  t.strictSame(readdirSync(cacheDir), before, 'only what the registration left');
});

t.test('a wrong start URL, or the wrong region', async (t) => {
  const { parts, about } = await signInLab(t);
  const wrong = { ...about, startUrl: 'https://welcome.awsapps.com/start' };
  await t.rejects(signInByCode(wrong, parts), {
    code: 'InvalidStartUrl',
    statusCode: 400,
    message:
      /welcome\.awsapps\.com\/start in eu-west-1: correct sso_start_url or sso_region of \[sso-session wellcome\]/,
  });
});

t.test('nobody answers', async (t) => {
  const { parts, about, aws } = await signInLab(t);
  await aws.close();
  await t.rejects(signInByCode(about, parts), {
    code: 'NetworkError',
    statusCode: 503,
    message: /^Sign-in to wellcome: RegisterClient failed/,
  });
});

t.test('a registration is used again; one that the service has forgotten is replaced', async (t) => {
  const { parts, about, aws, cacheDir, clock } = await signInLab(t, { autoApprove: true });
  const signIn = async () => {
    const attempt = await signInByCode(about, parts);
    await fetch(attempt.url);
    return attempt.token;
  };
  await signIn();
  await signIn();
  t.equal(aws.count('RegisterClient'), 1);
  t.strictSame(readdirSync(cacheDir), [registrationFile(about)]);
  const forgotten = {
    clientId: 'forgotten',
    clientSecret: 'x',
    expiresAt: new Date(clock.now() + 3600_000).toISOString(),
    scopes: ['sso:account:access'],
    grantTypes: ['authorization_code', 'refresh_token'],
  };
  writeFileSync(join(cacheDir, registrationFile(about)), JSON.stringify(forgotten));
  t.not((await signIn()).clientId, 'forgotten');
  t.equal(aws.count('RegisterClient'), 2);
});
