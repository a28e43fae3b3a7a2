import type { SessionPolicy } from '../../src/aws/session-policy.js';

export interface Attempt {
  action: string;
  resource: string;
  address: string;
  viaService: boolean;
}

interface Statement {
  Effect: 'Allow' | 'Deny';
  Action: string | string[];
  Resource: string | string[];
  Condition?: { NotIpAddress: { 'aws:SourceIp': string }; Bool: { 'aws:ViaAWSService': string } };
}

/** What AWS's managed policies of the tests say. */
const MANAGED: Readonly<Record<string, Statement[]>> = {
  'arn:aws:iam::aws:policy/ReadOnlyAccess': [
    { Effect: 'Allow', Action: ['s3:Get*', 's3:List*', 'ec2:Describe*'], Resource: '*' },
  ],
  'arn:aws:iam::123456789012:policy/buckets': [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
};

/**
 * Whether a session may do something that its role may do: without session policies it may; with them, where the sum
 * of them all allows it and none denies it.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function allows({ Policy, PolicyArns = [] }: SessionPolicy, attempt: Attempt): boolean {
  if (Policy === undefined && PolicyArns.length === 0) return true;
  const inline = Policy === undefined ? [] : ([JSON.parse(Policy).Statement].flat() as Statement[]);
  const statements = [...inline, ...PolicyArns.flatMap(({ arn }) => managed(arn))];
  const effects = statements.filter((it) => applies(it, attempt)).map(({ Effect }) => Effect);
  return effects.includes('Allow') && !effects.includes('Deny');
}

function managed(arn: string): Statement[] {
  const statements = MANAGED[arn];
  if (!statements) throw new Error(`the tests know no policy ${arn}`);
  return statements;
}

function applies({ Action, Resource, Condition }: Statement, attempt: Attempt): boolean {
  if (!anyMatches(Action, attempt.action) || !anyMatches(Resource, attempt.resource)) return false;
  if (!Condition) return true;
  const { NotIpAddress, Bool, ...unknown } = Condition;
  if (Object.keys(unknown).length > 0) throw new Error('a condition that the tests do not know');
  return (
    !within(attempt.address, NotIpAddress['aws:SourceIp']) &&
    String(attempt.viaService) === Bool['aws:ViaAWSService']
  );
}

function anyMatches(patterns: string | string[], value: string): boolean {
  return [patterns].flat().some((pattern) => new RegExp(`^${pattern.split('*').join('.*')}$`).test(value));
}

function within(address: string, block: string): boolean {
  const [network = '', length = ''] = block.split('/');
  const shift = 32 - Number(length);
  return Math.floor(number(address) / 2 ** shift) === Math.floor(number(network) / 2 ** shift);
}

function number(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
