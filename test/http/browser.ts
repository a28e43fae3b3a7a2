import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { runApp } from '../support/running-app.js';

/** As much of playwright-core as is used here, so that the tests compile without it. */
interface Page {
  goto(url: string): Promise<{ status(): number; text(): Promise<string> } | null>;
  evaluate<A, R>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
}
interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}
interface Playwright {
  chromium: { launch(options: { executablePath: string; args: string[] }): Promise<Browser> };
}

const CHROMIUM = '/usr/bin/chromium';
const name = 'playwright-core';
const playwright: Playwright | undefined = await import(name).catch(() => undefined);
const missing =
  (!existsSync(CHROMIUM) && 'apt-get install -y chromium') || (!playwright && 'npm install playwright-core');

/** A page that does nothing by itself, on a port of its own. */
async function site(t: Test): Promise<number> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>a page</title>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** In the page: what `fetch` gives to its script. */
async function tryFetch({
  url,
  token,
  mode,
}: {
  url: string;
  token?: string;
  mode?: 'no-cors';
}): Promise<string> {
  try {
    const answer = await fetch(url, {
      ...(mode ? { mode } : {}),
      ...(token ? { headers: { Authorization: token } } : {}),
    });
    return `${answer.status} ${await answer.text()}`;
  } catch (error) {
    return String(error);
  }
}

t.test('what pages get in a real browser', { skip: missing }, async (t) => {
  const [allowed, neighbour] = [await site(t), await site(t)];
  const origin = `http://localhost:${allowed}`;
  const { port, leases, lines } = await runApp(t, {
    profileSettings: () => ({ access: 'same-user', allowOrigins: [origin] }),
  });
  const { token } = await leases.grant({ profile: 'dev' });
  const browser = await playwright?.chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--host-resolver-rules=MAP evil.example 127.0.0.1',
    ],
  });
  if (!browser) return;
  t.teardown(() => browser.close());
  const at = async (url: string) => {
    const page = await browser.newPage();
    const answer = await page.goto(url);
    return { page, status: answer?.status(), text: await answer?.text() };
  };
  const url = `http://127.0.0.1:${port}/creds/dev`;

  const ours = await at(`${origin}/`);
  const got = await ours.page.evaluate(tryFetch, { url, token });
  t.match(got, /^200 \{"Code":"Success","AccessKeyId":"ASIAEXAMPLE"/, 'the allowed page, after a preflight');
  t.match(
    await ours.page.evaluate(tryFetch, { url, token: 'x' }),
    /^401 .*"Unauthorized"/,
    'it may read why not',
  );
  t.match(await ours.page.evaluate(tryFetch, { url }), /^TypeError/, 'nothing without a token');

  const vended = () => lines.filter(({ message }) => message === 'vended').length;
  const before = vended();
  t.ok(before > 0);
  const other = await at(`http://localhost:${neighbour}/`);
  const same = await at(`http://127.0.0.1:${neighbour}/`);
  for (const { page } of [other, same]) {
    t.match(
      await page.evaluate(tryFetch, { url, token }),
      /^TypeError/,
      'a page on another port, with the token',
    );
    t.match(await page.evaluate(tryFetch, { url }), /^TypeError/, 'and without');
    t.match(await page.evaluate(tryFetch, { url, mode: 'no-cors' }), /^(0 $|TypeError)/, 'and without CORS');
  }

  const rebound = `http://evil.example:${port}/creds/dev`;
  const top = await at(rebound);
  t.equal(top.status, 403, 'a name that was rebound to this machine');
  t.notMatch(top.text, 'ASIA');
  t.match(
    await top.page.evaluate(tryFetch, { url: rebound }),
    /^403 .*"WrongHost"/,
    'same-origin to the browser',
  );
  t.match(await top.page.evaluate(tryFetch, { url: rebound, token }), /^403 .*"WrongHost"/);
  t.match(await top.page.evaluate(tryFetch, { url, token }), /^TypeError/);
  t.equal(vended(), before, 'none of them had credentials made for it');
});
