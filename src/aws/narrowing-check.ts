import { isIP } from 'node:net';
import { CredentialError } from '../errors.js';
import type { Allowed, Narrowing } from './narrowing.js';
import { checkPolicy } from './policy-document.js';

type Check = (value: unknown) => unknown;

/** Limits as in https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const CHECKS: Readonly<Record<keyof Narrowing, Check>> = {
  allowed,
  addresses: (value) => list(value, 'addresses').map(address),
  durationSeconds(value) {
    // The longest is that of GetFederationToken; a role's is checked where the role is known.
    if (Number.isInteger(value) && Number(value) >= 900 && Number(value) <= 129_600) return value;
    throw invalid(
      `a session cannot last ${shown(value)} seconds: AWS gives from 900 (15m) to 43200 (12h) for a role`,
    );
  },
  sessionName: (value) => name(value, 'session name', 64),
  sourceIdentity: (value) => name(value, 'source identity', 64),
  tags,
  transitiveTags: (value) => list(value, 'transitive tags').map((it) => tagKey(it)),
};

/**
 * A narrowing out of what a person wrote or a request brought; what is not well formed is never passed over.
 * @throws CredentialError `InvalidNarrowing` (400)
 */
export function checkNarrowing(given: unknown): Narrowing {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw invalid('it is not an object');
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const checked = entries.map(([key, value]) => {
    const check = Object.hasOwn(CHECKS, key) ? CHECKS[key as keyof Narrowing] : undefined;
    if (!check) throw invalid(`${shown(key)} is nothing by which a session is narrowed`);
    return [key, check(value)];
  });
  return Object.fromEntries(checked);
}

function allowed(value: unknown): Allowed {
  const [entry, ...others] = Object.entries(Object(value)) as [string, unknown][];
  if (!entry || others.length > 0) throw tooManyAllow();
  const [kind, what] = entry;
  if (kind === 'readOnly' && what === true) return { readOnly: true };
  if (kind === 'policy' && typeof what === 'string') return { policy: checkPolicy(what, 'the policy') };
  if (kind === 'policyArns') return { policyArns: policyArns(what) };
  throw invalid(`${shown(kind)} does not say what is allowed`);
}

function policyArns(value: unknown): string[] {
  const arns = list(value, 'policy ARNs');
  if (arns.length === 0 || arns.length > 10) throw invalid('a session takes 1 to 10 policy ARNs');
  for (const arn of arns) {
    if (!/^arn:aws[a-z-]*:iam::(aws|\d{12}):policy\/[\w+=,.@/-]+$/.test(arn))
      throw invalid(
        `${shown(arn)} is not the ARN of a policy: write it as arn:aws:iam::aws:policy/ReadOnlyAccess`,
      );
  }
  return arns;
}

/** With a plain address counting as the block that holds nothing else. */
function address(text: string): string {
  if (text === 'auto') return text;
  const [, ip = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(ip)] ?? -1;
  const length = prefix === undefined ? most : Number(prefix);
  if (most < 0 || length > most || ip.includes('%'))
    throw invalid(`${shown(text)} is not an address: use auto, or a block such as 203.0.113.7/32`);
  return `${ip}/${length}`;
}

function tags(value: unknown): Record<string, string> {
  const entries = Object.entries(Object(value) as Record<string, unknown>);
  if (entries.length > 50) throw invalid('a session takes 50 tags at most');
  const seen = new Set<string>();
  for (const [key, text] of entries) {
    tagKey(key);
    if (typeof text !== 'string') throw invalid(`the tag ${shown(key)} has no value: write it as key=value`);
    if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(text))
      throw invalid(
        `the value of the tag ${shown(key)} has characters that AWS does not take, or more than 256`,
      );
    if (seen.has(key.toLowerCase())) throw tagTwice(key);
    seen.add(key.toLowerCase());
  }
  // In one order, because it is part of a cache key.
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))) as Record<string, string>;
}

function tagKey(key: string): string {
  if (/^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u.test(key)) return key;
  throw invalid(`${shown(key)} cannot be the key of a tag: AWS takes 1 to 128 letters, digits and _.:/=+-@`);
}

function name(value: unknown, what: string, most: number): string {
  if (typeof value === 'string' && value.length <= most && /^[\w+=,.@-]{2,}$/.test(value)) return value;
  throw invalid(`${shown(value)} cannot be a ${what}: AWS takes 2 to ${most} letters, digits and _+=,.@-`);
}

function list(value: unknown, what: string): string[] {
  if (Array.isArray(value) && value.every((it) => typeof it === 'string')) return [...new Set(value)].sort();
  throw invalid(`${what} are a list of texts`);
}

export function tagTwice(key: string): CredentialError {
  return invalid(`the tag ${shown(key)} is there twice; AWS does not mind case`);
}

export function tooManyAllow(): CredentialError {
  return invalid(
    'a session takes one of a policy, policy ARNs and read-only: AWS would add them up, and allow what any of them does',
  );
}

function shown(value: unknown): string {
  const text = String(value);
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

export function invalid(message: string): CredentialError {
  return new CredentialError('InvalidNarrowing', 400, `${message}.`);
}
