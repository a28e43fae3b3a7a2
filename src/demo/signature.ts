import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { ServiceError, type WireRequest } from './protocol.js';
import { type AccessKey, isSession, type World } from './world.js';

const allowedSkew = 5 * 60_000;

/**
 * Whose request this is, by its Signature Version 4 in the Authorization header.
 * Throws the refusals of STS. Any region is accepted in the scope.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function authenticate(request: WireRequest, service: string, world: World, now: number): AccessKey {
  const authorization = parseAuthorization(request);
  const key = world.key(authorization.accessKeyId);
  if (!key || key.inactive || !bearsItsToken(request, key)) {
    throw refuse('InvalidClientTokenId', 'The security token included in the request is invalid.');
  }
  if (authorization.service !== service) {
    throw refuse('SignatureDoesNotMatch', `Credential should be scoped to correct service: '${service}'. `);
  }
  checkDate(authorization, now);
  if (!sameText(authorization.signature, sign(request, authorization, key.secretAccessKey))) {
    throw refuse(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
  }
  if (world.hasExpired(key)) {
    throw refuse('ExpiredToken', 'The security token included in the request is expired');
  }
  return key;
}

interface Authorization {
  accessKeyId: string;
  /** `YYYYMMDD/region/service/aws4_request` */
  scope: string;
  day: string;
  region: string;
  service: string;
  signedHeaders: string[];
  signature: string;
  /** `YYYYMMDDTHHMMSSZ` */
  date: string;
}

function parseAuthorization({ headers }: WireRequest): Authorization {
  const header = headers.authorization;
  if (!header) throw refuse('MissingAuthenticationToken', 'Request is missing Authentication Token');
  const field = (name: string) => new RegExp(`[ ,]${name}=([^ ,]+)`).exec(header)?.[1];
  const [accessKeyId, day, region, service, end] = field('Credential')?.split('/') ?? [];
  const signedHeaders = field('SignedHeaders')?.split(';') ?? [];
  const signature = field('Signature');
  const date = headers['x-amz-date'];
  const complete =
    header.startsWith('AWS4-HMAC-SHA256 ') && end === 'aws4_request' && signedHeaders.includes('host');
  if (!complete || !accessKeyId || !day || !region || !service || !signature || typeof date !== 'string') {
    throw new ServiceError(
      'IncompleteSignature',
      400,
      'The request signature does not conform to AWS standards: it needs an AWS4-HMAC-SHA256 credential scope, a signed host header, a signature and X-Amz-Date.',
    );
  }
  const scope = [day, region, service, end].join('/');
  return { accessKeyId, scope, day, region, service, signedHeaders, signature, date };
}

function bearsItsToken({ headers }: WireRequest, key: AccessKey): boolean {
  const token = headers['x-amz-security-token'];
  if (!isSession(key)) return token === undefined;
  return typeof token === 'string' && sameText(token, key.sessionToken);
}

function checkDate({ date, day }: Authorization, now: number): void {
  const at = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const early = basicDate(now - allowedSkew);
  const late = basicDate(now + allowedSkew);
  if (Number.isNaN(at) || !date.startsWith(day)) {
    throw refuse(
      'SignatureDoesNotMatch',
      'Date in Credential scope does not match YYYYMMDD from X-Amz-Date.',
    );
  }
  if (at < now - allowedSkew) {
    const message = `Signature expired: ${date} is now earlier than ${early} (${basicDate(now)} - 5 min.)`;
    throw refuse('SignatureDoesNotMatch', message);
  }
  if (at > now + allowedSkew) {
    const message = `Signature not yet current: ${date} is still later than ${late} (${basicDate(now)} + 5 min.)`;
    throw refuse('SignatureDoesNotMatch', message);
  }
}

const basicDate = (time: number) => new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');

function sign(request: WireRequest, authorization: Authorization, secret: string): string {
  const { date, day, region, service, scope } = authorization;
  const canonical = sha256(canonicalRequest(request, authorization.signedHeaders));
  const stringToSign = ['AWS4-HMAC-SHA256', date, scope, canonical].join('\n');
  const signingKey = [day, region, service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secret}`);
  return hmac(signingKey, stringToSign).toString('hex');
}

function canonicalRequest({ method, path, query, headers, body }: WireRequest, signed: string[]): string {
  const canonicalQuery = [...query].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const canonicalHeaders = signed.map((name) => `${name}:${oneLine(headers[name])}\n`);
  return [
    method,
    path.split('/').map(encode).join('/'),
    canonicalQuery.join('&'),
    canonicalHeaders.join(''),
    signed.join(';'),
    sha256(body),
  ].join('\n');
}

const oneLine = (value: string | string[] | undefined) =>
  String(value ?? '')
    .trim()
    .replace(/ +/g, ' ');
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const refuse = (code: string, message: string) => new ServiceError(code, 403, message);
