interface Partition {
  name: string;
  /** What its regions begin with. */
  regions: string;
  /** Where its sign-in and console pages are: `signin.` and `console.` before it. */
  pages: string;
  iam: { region: string; host: string };
}

/** As the SDK's rules for STS, IAM and the sign-in service have them. */
const COMMERCIAL: Partition = {
  name: 'aws',
  regions: '',
  pages: 'aws.amazon.com',
  iam: { region: 'us-east-1', host: 'iam.amazonaws.com' },
};
const OTHERS: readonly Partition[] = [
  {
    name: 'aws-cn',
    regions: 'cn-',
    pages: 'amazonaws.cn',
    iam: { region: 'cn-north-1', host: 'iam.cn-north-1.amazonaws.com.cn' },
  },
  {
    name: 'aws-us-gov',
    regions: 'us-gov-',
    pages: 'amazonaws-us-gov.com',
    iam: { region: 'us-gov-west-1', host: 'iam.us-gov.amazonaws.com' },
  },
  {
    name: 'aws-iso',
    regions: 'us-iso-',
    pages: 'c2shome.ic.gov',
    iam: { region: 'us-iso-east-1', host: 'iam.us-iso-east-1.c2s.ic.gov' },
  },
  {
    name: 'aws-iso-b',
    regions: 'us-isob-',
    pages: 'sc2shome.sgov.gov',
    iam: { region: 'us-isob-east-1', host: 'iam.us-isob-east-1.sc2s.sgov.gov' },
  },
  {
    name: 'aws-iso-e',
    regions: 'eu-isoe-',
    pages: 'csphome.adc-e.uk',
    iam: { region: 'eu-isoe-west-1', host: 'iam.eu-isoe-west-1.cloud.adc-e.uk' },
  },
  {
    name: 'aws-iso-f',
    regions: 'us-isof-',
    pages: 'csphome.hci.ic.gov',
    iam: { region: 'us-isof-south-1', host: 'iam.us-isof-south-1.csp.hci.ic.gov' },
  },
  {
    name: 'aws-eusc',
    regions: 'eusc-',
    pages: 'amazonaws-eusc.eu',
    iam: { region: 'eusc-de-east-1', host: 'iam.eusc-de-east-1.amazonaws.eu' },
  },
];

/** The partitions whose federation endpoint AWS documents. */
const WITH_FEDERATION: ReadonlySet<string> = new Set(['aws', 'aws-cn', 'aws-us-gov']);

export function partitionOfArn(arn: string): string {
  return arn.split(':')[1] || 'aws';
}

export function partitionOfRegion(region: string): string {
  return partition(region).name;
}

/** IAM is one service for each partition, in a region of its own. */
export function iamOf(region: string): { region: string; host: string } {
  return partition(region).iam;
}

/** Where `aws login` signs in and renews. */
export function signinHost(region: string): string {
  return `${region}.signin.${partition(region).pages}`;
}

export function consoleHome(region: string): string {
  return `https://console.${partition(region).pages}/`;
}

/** Undefined where it is not known. */
export function federationEndpoint(region: string): string | undefined {
  const { name, pages } = partition(region);
  return WITH_FEDERATION.has(name) ? `https://signin.${pages}/federation` : undefined;
}

function partition(region: string): Partition {
  return OTHERS.find(({ regions }) => region.startsWith(regions)) ?? COMMERCIAL;
}
