import { createHash, createHmac } from 'node:crypto';
import type { Site } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import { httpCall } from './http-call.js';
import type { LongTermKeys } from './long-term-keys.js';
import { iamOf } from './partition.js';

/** The calls that a rotation needs; IAM's own client is two megabytes. */
type Action = 'CreateAccessKey' | 'UpdateAccessKey' | 'DeleteAccessKey' | 'ListAccessKeys';

/** Answers with IAM's XML. @throws an error named as IAM's own, as the SDK's clients throw it */
export type IamCall = (
  action: Action,
  credentials: Credentials,
  parameters?: Record<string, string>,
) => Promise<string>;

export function createIam(site: Site, clients: AwsClients, now: () => number): IamCall {
  const url = site.endpoint ?? `https://${iamOf(site.region).host}/`;
  return async (action, credentials, parameters = {}) => {
    const body = String(new URLSearchParams({ Action: action, Version: '2010-05-08', ...parameters }));
    const headers = signed({ url, body, region: site.region, credentials, now: now() });
    const { status, text } = await httpCall(clients, site, { method: 'POST', url, headers, body });
    if (status === 200) return text;
    const [name = 'UnknownError', message = ''] = ['Code', 'Message'].map((tag) => element(text, tag));
    throw Object.assign(new Error(message), {
      name,
      $fault: status < 500 ? 'client' : 'server',
      $metadata: { httpStatusCode: status },
    });
  };
}

export function createdKey(xml: string): LongTermKeys {
  const [accessKeyId, secretAccessKey] = ['AccessKeyId', 'SecretAccessKey'].map((tag) => element(xml, tag));
  if (!accessKeyId || !secretAccessKey) throw new Error('the answer holds no access key');
  return { accessKeyId, secretAccessKey };
}

/** The ids of the user's keys: at most two, so there is no second page. */
export function listedKeys(xml: string): string[] {
  if (!xml.includes('<AccessKeyMetadata')) throw new Error('the answer holds no list of access keys');
  return [...xml.matchAll(/<AccessKeyId>([^<]*)<\/AccessKeyId>/g)].map(([, id = '']) => id);
}

/** Values of keys need no unescaping: they are letters, digits, `/`, `+` and `=`. */
function element(xml: string, tag: string): string | undefined {
  return new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];
}

/** Signature Version 4 of a form that is posted to `/`. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function signed(of: {
  url: string;
  body: string;
  region: string;
  credentials: Credentials;
  now: number;
}): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken } = of.credentials;
  const { host, pathname } = new URL(of.url);
  const date = new Date(of.now).toISOString().replace(/[-:]|\.\d+/g, '');
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    host,
    'x-amz-date': date,
    ...(sessionToken ? { 'x-amz-security-token': sessionToken } : {}),
  };
  const names = Object.keys(headers).join(';');
  const listed = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = ['POST', pathname, '', listed.join(''), names, sha256(of.body)].join('\n');
  const scope = [date.slice(0, 8), of.region, 'iam', 'aws4_request'];
  const key = scope.reduce<Buffer | string>(hmac, `AWS4${secretAccessKey}`);
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(canonical)].join('\n');
  const signature = hmac(key, text).toString('hex');
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope.join('/')}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
