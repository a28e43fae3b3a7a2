import { CredentialError } from '../errors.js';
import { jsonFault } from './json-fault.js';

/**
 * A session policy without its white space; `what` names it for the person, as `the policy in dev.json`.
 * @throws CredentialError `MalformedPolicy` (400) that says where
 */
export function checkPolicy(text: string, what: string): string {
  const plain = text.replace(/^\uFEFF/, '');
  const fault = jsonFault(plain);
  if (fault !== undefined) throw malformed(what, `is no JSON from ${placeOf(plain, fault)} on`);
  const document = JSON.parse(plain) as unknown;
  if (!isObject(document)) throw malformed(what, 'is not an object with a "Statement"');
  const { Version, Statement } = document;
  if (Version !== undefined && Version !== '2012-10-17' && Version !== '2008-10-17')
    throw malformed(what, 'has a "Version" that AWS does not know: write "2012-10-17"');
  const statements = Array.isArray(Statement) ? Statement : [Statement];
  if (Statement === undefined || statements.length === 0) throw malformed(what, 'has no "Statement"');
  for (const [index, statement] of statements.entries()) {
    const wrong = faultOf(statement);
    if (wrong) throw malformed(what, `: statement ${index + 1} ${wrong}`);
  }
  if (!statements.some(({ Effect }) => Effect === 'Allow'))
    throw malformed(
      what,
      'allows nothing, so that a session with it could do nothing: add a statement with "Effect": "Allow"',
    );
  return JSON.stringify(document);
}

function faultOf(statement: unknown): string | undefined {
  if (!isObject(statement)) return 'is not an object';
  if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny')
    return 'has no "Effect" of "Allow" or "Deny"';
  if ('Principal' in statement || 'NotPrincipal' in statement)
    return 'names a "Principal", which a session policy cannot: leave it out';
  if (!hasTexts(statement, 'Action') && !hasTexts(statement, 'NotAction')) return 'has no "Action"';
  if (!hasTexts(statement, 'Resource') && !hasTexts(statement, 'NotResource')) return 'has no "Resource"';
  return undefined;
}

function hasTexts(statement: Record<string, unknown>, key: string): boolean {
  const values = [statement[key]].flat();
  return values.length > 0 && values.every((it) => typeof it === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  const end = offset >= text.length ? ' (where it ends too early)' : '';
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}${end}`;
}

function malformed(what: string, how: string): CredentialError {
  return new CredentialError('MalformedPolicy', 400, `${what}${how.startsWith(':') ? '' : ' '}${how}.`);
}
