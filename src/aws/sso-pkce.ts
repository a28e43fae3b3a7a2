import { createHash, randomBytes } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CredentialError } from '../errors.js';
import { shellWord } from '../system/shell-word.js';
import { type Attempt, abandonedError, expired } from './sso-device.js';
import {
  authorizeEndpoint,
  createToken,
  type OidcParts,
  REDIRECT_PATH,
  refusalOf,
  refusedAs,
  registered,
} from './sso-oidc.js';
import { type Registration, scopesOf } from './sso-registration.js';
import type { SsoSignIn } from './sso-sign-in.js';
import type { SsoToken } from './sso-token.js';

const WAITS = 10 * 60_000;

/**
 * Signs in through a browser on this machine: authorization code with PKCE (RFC 7636) and a redirect to a free
 * loopback port (RFC 8252).
 */
export async function signInByCode(signIn: SsoSignIn, parts: OidcParts): Promise<Attempt> {
  const verifier = randomBytes(48).toString('base64url');
  const state = randomBytes(24).toString('base64url');
  let client = await registered(signIn, 'code', parts);
  const listener = await listenForRedirect(signIn, state, (code, redirectUri) =>
    createToken(
      signIn,
      client,
      { grantType: 'authorization_code', code, redirectUri, codeVerifier: verifier },
      parts,
    ),
  );
  const urlFor = async ({ clientId }: Registration) => {
    const url = await authorizeEndpoint(signIn, parts);
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: listener.uri,
      state,
      code_challenge_method: 'S256',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      scopes: (scopesOf(signIn) ?? ['sso:account:access']).join(' '),
    }).toString();
    return url;
  };
  try {
    let url = await urlFor(client);
    const refusal = await refusalAt(url, signIn, parts);
    if (refusal === 'invalid_client') {
      client = await registered(signIn, 'code', parts, true);
      url = await urlFor(client);
    } else if (refusal) {
      throw refusedAs(refusal, signIn);
    }
    const cancel = parts.clock.after(WAITS, () => listener.fail(expired(signIn)));
    listener.token.finally(cancel).catch(() => {});
    return {
      url: url.href,
      expiresAt: parts.clock.now() + WAITS,
      token: listener.token,
      abandon: () => listener.fail(abandonedError(signIn)),
    };
  } catch (error) {
    listener.fail(abandonedError(signIn));
    throw error;
  }
}

/**
 * What the page would say to the person, were there something wrong with the start URL or with our registration: it
 * would say so in the browser alone, and nobody would ever come back. An authorization needs more than this request.
 */
async function refusalAt(url: URL, signIn: SsoSignIn, { clients }: OidcParts): Promise<string | undefined> {
  const { requestHandler } = (await clients.oidc(signIn.oidc)).config;
  const { protocol, hostname, port, pathname, searchParams } = url;
  const query = Object.fromEntries(searchParams);
  const request = {
    protocol,
    hostname,
    ...(port ? { port: Number(port) } : {}),
    path: pathname,
    query,
    method: 'GET',
    headers: { host: url.host },
  };
  try {
    const { response } = await requestHandler.handle(request as Parameters<typeof requestHandler.handle>[0]);
    const chunks: Buffer[] = [];
    for await (const chunk of response.body ?? []) chunks.push(chunk);
    if (response.statusCode < 400 || response.statusCode >= 500) return undefined;
    const { error } = Object(JSON.parse(Buffer.concat(chunks).toString()));
    return typeof error === 'string' ? error : undefined;
  } catch {
    // Whether the page can be had is for the person's browser to say.
    return undefined;
  }
}

interface RedirectListener {
  uri: string;
  token: Promise<SsoToken>;
  fail(error: CredentialError): void;
}

/** Waits on 127.0.0.1 until the browser comes back with a code, once, and makes a token of it. */
async function listenForRedirect(
  signIn: SsoSignIn,
  state: string,
  redeem: (code: string, redirectUri: string) => Promise<SsoToken>,
): Promise<RedirectListener> {
  let settle!: { resolve(token: SsoToken): void; reject(error: unknown): void };
  const token = new Promise<SsoToken>((resolve, reject) => {
    settle = { resolve, reject };
  });
  let uri = '';
  let redeemed = false;

  async function answer(query: URLSearchParams, response: ServerResponse): Promise<void> {
    const error = query.get('error');
    const code = query.get('code');
    try {
      if (error) throw refusedAs(error, signIn);
      const got = await redeem(code ?? '', uri);
      page(response, 200, 'Signed in', 'credd has what it needs.');
      settle.resolve(got);
    } catch (thrown) {
      const denied = refusalOf(thrown) === 'access_denied';
      page(
        response,
        403,
        denied ? 'Not signed in' : 'The sign-in failed',
        denied ? 'It was refused.' : 'The terminal says why.',
      );
      settle.reject(thrown);
    }
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const query = url.searchParams;
    if (request.method !== 'GET' || url.pathname !== REDIRECT_PATH) {
      page(response, 404, 'Nothing here', 'credd waits for a sign-in at another address.');
    } else if (redeemed || query.get('state') !== state || !(query.get('code') || query.get('error'))) {
      page(response, 400, 'Not this sign-in', 'Open the address that credd shows in the terminal.');
    } else {
      redeemed = true;
      void answer(query, response);
    }
  });
  server.unref();
  await new Promise<void>((listening, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) => failed(cannotListen(error, signIn)));
    server.listen({ host: '127.0.0.1', port: 0 }, listening);
  });
  uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}${REDIRECT_PATH}`;
  const close = () => {
    server.close();
    server.closeIdleConnections();
  };
  token.then(close, close);
  return { uri, token, fail: (error) => settle.reject(error) };
}

function page(response: ServerResponse, status: number, title: string, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    connection: 'close',
  });
  response.end(
    `<!doctype html><html lang="en"><title>${title} - credd</title><body style="font: 1.1rem system-ui; margin: 4rem auto; max-width: 30rem"><h1>${title}</h1><p>${text} You can close this page.</p>`,
  );
}

function cannotListen(error: NodeJS.ErrnoException, { key }: SsoSignIn): CredentialError {
  return new CredentialError(
    'NoRedirectPort',
    503,
    `Sign-in to ${key}: no port of this machine is free for the browser to come back to (${error.code}). Type: credd login ${shellWord(key)} --device`,
    { cause: error },
  );
}
