import { createPrivateKey, createPublicKey, randomUUID, sign } from 'node:crypto';

/**
 * A proof that whoever calls holds the key that the session is bound to (RFC 9449), for one request.
 * @throws Error where the PEM is no P-256 key
 */
export function dpopProof(pem: string, request: { method: string; url: string; now: number }): string {
  const key = createPrivateKey(pem);
  const { kty, crv, x, y } = createPublicKey(key).export({ format: 'jwk' });
  if (crv !== 'P-256') throw new Error('the key is not of P-256');
  const { origin, pathname } = new URL(request.url);
  const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } };
  const claims = {
    jti: randomUUID(),
    htm: request.method,
    htu: `${origin}${pathname}`,
    iat: Math.floor(request.now / 1000),
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
