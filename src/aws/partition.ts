export function partitionOfArn(arn: string): string {
  return arn.split(':')[1] || 'aws';
}

const BY_REGION: readonly [prefix: string, partition: string][] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-iso-', 'aws-iso'],
  ['us-isob-', 'aws-iso-b'],
  ['eu-isoe-', 'aws-iso-e'],
  ['us-isof-', 'aws-iso-f'],
  ['eusc-', 'aws-eusc'],
];

export function partitionOfRegion(region: string): string {
  return BY_REGION.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'aws';
}
