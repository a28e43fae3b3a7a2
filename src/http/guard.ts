import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { isToken, type Lease, type Leases } from '../access/leases.js';
import type { Answer, SameUser } from '../access/same-user.js';
import { CredentialError } from '../errors.js';
import type { ProfileSettings } from '../settings.js';
import { profileOf } from './segment.js';

/** Who a request turned out to be from. */
export type Caller =
  | { kind: 'owner' }
  | { kind: 'lease'; lease: Lease }
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
type Area = 'creds' | 'health' | 'front' | 'api';

interface Question {
  request: IncomingMessage;
  socket: Socket;
  area: Area;
  /** `127.0.0.1:8363`, as the request was addressed. */
  authority: string;
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
    const question = { request, socket, area: areaOf(url), authority: ownHost(host, socket, parts.hosts) };
    notForwarded(question);
    notFromAPage(question);
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

function notForwarded({ request }: Question): void {
  const { headers } = request;
  const forwarded = headers['x-forwarded-for'] ?? headers.forwarded ?? headers.via;
  if (forwarded !== undefined) throw refused('Forwarded', 'it came through a proxy. Ask credd directly');
}

/** Browsers say so themselves: any page on the machine could otherwise ask in its person's name. */
function notFromAPage({ request, area, authority }: Question): void {
  const { headers } = request;
  const origin = `http://${authority}`;
  const site = headers['sec-fetch-site'];
  const fetched = Object.keys(headers).some((name) => name.startsWith('sec-fetch-'));
  if (headers.origin === undefined && headers.referer === undefined && !fetched) return;
  const own =
    area !== 'creds' &&
    (headers.origin === undefined || headers.origin === origin) &&
    (headers.referer === undefined || headers.referer.startsWith(`${origin}/`)) &&
    (!fetched || site === 'same-origin' || site === 'none');
  if (!own) {
    throw refused(
      'FromAPage',
      'a web page may not have credentials, and this says that it comes from one (Origin, Referer or Sec-Fetch). In Node.js, fetch says so too: use node:http or an SDK',
    );
  }
}

function withToken(question: Question, token: string, parts: GuardParts, ownerToken: Buffer) {
  const caller = holderOf(question, token, parts.leases, ownerToken);
  return when(
    parts.sameUser.isOwner(question.socket),
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
  throw unauthorized('the token is not valid, or no longer. Take a fresh one: credd exec or credd env');
}

function withoutToken({ request, socket, area }: Question, parts: GuardParts) {
  if (area === 'health') return ANYBODY;
  if (area === 'api') throw unauthorized("this needs the owner's token in the Authorization header");
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
