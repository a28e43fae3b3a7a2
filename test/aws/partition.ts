import t from 'tap';
import {
  consoleHome,
  federationEndpoint,
  iamOf,
  partitionOfRegion,
  signinHost,
} from '../../src/aws/partition.js';

t.test('every host is one of the partition that the region is in', async (t) => {
  const pages = {
    'eu-west-1': ['aws', 'aws.amazon.com', 'us-east-1 iam.amazonaws.com'],
    'cn-northwest-1': ['aws-cn', 'amazonaws.cn', 'cn-north-1 iam.cn-north-1.amazonaws.com.cn'],
    'us-gov-east-1': ['aws-us-gov', 'amazonaws-us-gov.com', 'us-gov-west-1 iam.us-gov.amazonaws.com'],
    'us-iso-west-1': ['aws-iso', 'c2shome.ic.gov', 'us-iso-east-1 iam.us-iso-east-1.c2s.ic.gov'],
    'us-isob-west-1': ['aws-iso-b', 'sc2shome.sgov.gov', 'us-isob-east-1 iam.us-isob-east-1.sc2s.sgov.gov'],
    'eu-isoe-west-1': ['aws-iso-e', 'csphome.adc-e.uk', 'eu-isoe-west-1 iam.eu-isoe-west-1.cloud.adc-e.uk'],
    'us-isof-east-1': [
      'aws-iso-f',
      'csphome.hci.ic.gov',
      'us-isof-south-1 iam.us-isof-south-1.csp.hci.ic.gov',
    ],
    'eusc-de-east-1': ['aws-eusc', 'amazonaws-eusc.eu', 'eusc-de-east-1 iam.eusc-de-east-1.amazonaws.eu'],
  };
  for (const [region, [name, domain, iam]] of Object.entries(pages)) {
    t.equal(partitionOfRegion(region), name);
    t.equal(signinHost(region), `${region}.signin.${domain}`);
    t.equal(consoleHome(region), `https://console.${domain}/`);
    t.equal(`${iamOf(region).region} ${iamOf(region).host}`, iam);
    const known = ['aws', 'aws-cn', 'aws-us-gov'].includes(`${name}`);
    t.equal(federationEndpoint(region), known ? `https://signin.${domain}/federation` : undefined);
  }
});
