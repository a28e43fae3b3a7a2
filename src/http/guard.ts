import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Lease } from '../access/lease.js';
import { isToken, type Leases } from '../access/leases.js';
import type { Answer, SameUser } from '../access/same-user.js';
import { CredentialError } from '../errors.js';
import type { ProfileSettings } from '../settings.js';
import { isFetchFrom, isFromAPage, isPreflight, PageUnauthorized, saysFetched } from './page.js';
import { profileOf } from './segment.js';

/** Who a request turned out to be from. */
export type Caller =
  | { kind: 'owner' }
  /** `origin` is that of the page which asks, where a page does. */
  | { kind: 'lease'; lease: Lease; origin?: string }
  | { kind: 'preflight'; origin: string }
  | { kind: 'same-user' }
  | { kind: 'anybody' };

export interface GuardParts {
  /** Our own names, without port, as a `Host` header gives them. */
  hosts: readonly string[];
  /** Whether even the owner's own processes must show a token, whatever the profile says. */
  needsToken: boolean;
  ownerToken: string;
  leases: Leases;
  sameUser: SameUser;
  profileSettings(profile: string): ProfileSettings;
}

/** What is none of the others counts as `api`: it needs the owner's token. */
type Area = 'creds' | 'health' | 'front' | 'metrics' | 'api';

interface Question {
  request: IncomingMessage;
  socket: Socket;
  area: Area;
}

export type Guard = (request: IncomingMessage) => Caller | Promise<Caller>;

/** The one port that clients leave out of `Host`. */
const HTTP_PORT = 80;
const OWNER: Caller = { kind: 'owner' };
const SAME_USER: Caller = { kind: 'same-user' };
const ANYBODY: Caller = { kind: 'anybody' };

/**
 * "Who may ask", in that order: nothing falls through to a weaker rule.
 * @throws CredentialError 401 or 403
 */
export function createGuard(parts: GuardParts): Guard {
  const ownerToken = Buffer.from(parts.ownerToken);

  return (request) => {
    const { url = '', socket } = request;
    const { host, authorization } = singleHeaders(request.rawHeaders);
    const area = areaOf(url);
    const authority = ownHost(host, socket, parts.hosts);
    notForwarded(request);
    const origin = allowedPage(request, area, authority, parts);
    const question = { request, socket, area };
    if (origin !== undefined) return fromPage(question, origin, authorization, parts, ownerToken);
    return authorization === undefined
      ? withoutToken(question, parts)
      : withToken(question, authorization, parts, ownerToken);
  };
}

function areaOf(url: string): Area {
  if (url.startsWith('/creds/')) return 'creds';
  // As a proxy is asked: http://host/path. The router would take that for a path.
  if (!url.startsWith('/')) throw refused('NotAPath', 'its target is not a path. Ask credd directly');
  const [path] = url.split('?', 1);
  if (path === '/healthz') return 'health';
  if (path === '/creds') return 'creds';
  if (path === '/metrics') return 'metrics';
  return path === '/' ? 'front' : 'api';
}

/** Of a doubled header Node would take the first and say nothing. */
function singleHeaders(rawHeaders: readonly string[]) {
  let host: string | undefined;
  let authorization: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') {
      if (host !== undefined) throw refused('WrongHost', 'it has more than one Host header');
      host = rawHeaders[index + 1];
    } else if (name.length === 13 && name.toLowerCase() === 'authorization') {
      if (authorization !== undefined) throw unauthorized('it has more than one Authorization header');
      authorization = rawHeaders[index + 1];
    }
  }
  return { host, authorization };
}

/** A page whose name was rebound to 127.0.0.1 sends its own name here. */
function ownHost(given: string | undefined, { localPort }: Socket, hosts: readonly string[]): string {
  const host = given?.toLowerCase();
  for (const name of hosts) {
    if (host === `${name}:${localPort}` || (localPort === HTTP_PORT && host === name)) return host;
  }
  throw refused(
    'WrongHost',
    `its Host header is not one of this listener's names. Ask http://${hosts[0]}:${localPort}`,
  );
}

function notForwarded({ headers }: IncomingMessage): void {
  const forwarded = headers['x-forwarded-for'] ?? headers.forwarded ?? headers.via;
  if (forwarded !== undefined) throw refused('Forwarded', 'it came through a proxy. Ask credd directly');
}

/** The origin of a page that its profile allows; undefined where no page asks, or our own does. */
function allowedPage(
  request: IncomingMessage,
  area: Area,
  authority: string,
  { profileSettings }: GuardParts,
): string | undefined {
  if (!isFromAPage(request)) return undefined;
  const { origin, referer, 'sec-fetch-site': site } = request.headers;
  if (area === 'creds') {
    const profile = profileOf(request.url ?? '');
    const allowed = profile === undefined ? [] : profileSettings(profile).allowOrigins;
    if (origin !== undefined && allowed?.includes(origin) && isFetchFrom(origin, request)) return origin;
    throw refused(
      'FromAPage',
      'a web page may not have these credentials, and this says that it comes from one (Origin, Referer or Sec-Fetch). If that page should: allow_origins in config.ini, and a lease. In Node.js, fetch says so too: use node:http or an SDK',
    );
  }
  const own = `http://${authority}`;
  const ours =
    (origin === undefined || origin === own) &&
    (referer === undefined || referer.startsWith(`${own}/`)) &&
    (site === 'same-origin' || site === 'none' || !saysFetched(request));
  if (!ours) throw refused('FromAPage', "it comes from a web page that is not credd's own");
  return undefined;
}

/** A page has the browser's user, which proves nothing of the page: it needs a lease, and never our own token. */
function fromPage(
  question: Question,
  origin: string,
  token: string | undefined,
  parts: GuardParts,
  ownerToken: Buffer,
) {
  const ofOwner = (caller: Caller) => belongingToUs(question, parts, caller);
  if (token === undefined) {
    if (isPreflight(question.request)) return ofOwner({ kind: 'preflight', origin });
  } else {
    const caller = holderForPage(question, token, parts, ownerToken, origin);
    if (caller.kind === 'lease') return ofOwner({ ...caller, origin });
  }
  throw refused('FromAPage', 'a web page needs the token of a lease. Type: credd env, for the token of one');
}

/** A page that the profile allows is told that its token will not do. */
function holderForPage(
  question: Question,
  token: string,
  { leases }: GuardParts,
  ownerToken: Buffer,
  origin: string,
): Caller {
  try {
    return holderOf(question, token, leases, ownerToken);
  } catch (error) {
    throw error instanceof CredentialError ? new PageUnauthorized(error, origin) : error;
  }
}

function withToken(question: Question, token: string, parts: GuardParts, ownerToken: Buffer) {
  const caller = holderOf(question, token, parts.leases, ownerToken);
  return caller.kind === 'lease' && caller.lease.container ? caller : belongingToUs(question, parts, caller);
}

function belongingToUs({ socket }: Question, { sameUser }: GuardParts, caller: Caller) {
  return when(
    sameUser.isOwner(socket),
    () => caller,
    () => {
      throw refused(
        'OtherUser',
        'the kernel does not show that it comes from your own user, and a token is good for nobody else',
      );
    },
  );
}

function holderOf({ request, area }: Question, token: string, leases: Leases, ownerToken: Buffer): Caller {
  const lease = leases.find(token);
  if (!lease && isToken(token, ownerToken)) return OWNER;
  if (lease && area === 'creds' && lease.profile === profileOf(request.url ?? ''))
    return { kind: 'lease', lease };
  if (lease && area === 'creds') {
    throw unauthorized(
      `this token is a lease of profile "${lease.profile}", and of no other. Type: credd exec for the profile you want`,
    );
  }
  if (lease) throw unauthorized('a lease is good only for /creds, not here');
  throw unauthorized('the token is not valid, or no longer. Take a fresh one: credd exec or credd env');
}

function withoutToken({ request, socket, area }: Question, parts: GuardParts) {
  if (area === 'health') return ANYBODY;
  if (area === 'api' || (area === 'metrics' && isFromAPage(request)))
    throw unauthorized("this needs the owner's token in the Authorization header");
  if (area === 'creds') tokenless(profileOf(request.url ?? '') ?? '', parts);
  return when(
    parts.sameUser.isSameUser(socket),
    () => SAME_USER,
    () => {
      throw unauthorized(
        'without a token credd answers only processes that the kernel shows to be your own. Type: credd exec, or credd env',
      );
    },
  );
}

function tokenless(profile: string, { needsToken, profileSettings }: GuardParts): void {
  if (needsToken || profileSettings(profile).access === 'token')
    throw unauthorized(`profile "${profile}" is given only for a token. Type: credd exec, or credd env`);
}

/** Without a promise where the answer is known, so that a kept-alive connection never waits. */
function when(answer: Answer, yes: () => Caller, no: () => never): Caller | Promise<Caller> {
  if (typeof answer === 'boolean') return answer ? yes() : no();
  return answer.then((found) => (found ? yes() : no()));
}

function unauthorized(why: string): CredentialError {
  return new CredentialError('Unauthorized', 401, `Refused: ${why}.`);
}

function refused(code: string, why: string): CredentialError {
  return new CredentialError(code, 403, `Refused: ${why}.`);
}
