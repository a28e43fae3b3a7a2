import t, { type Test } from 'tap';
import { stsSite } from '../../src/aws/site.js';
import { type ProfileFiles, readProfiles } from '../support/profiles.js';

async function site(t: Test, profile: string, files: ProfileFiles) {
  const { config } = await readProfiles(t, files);
  const section = config.profiles.get(profile);
  if (!section) throw new Error(`no ${profile}`);
  return stsSite(section, config, files.env ?? {});
}

t.test("the region: its own, the environment's, the default of the role's partition", async (t) => {
  const config = `[profile own]\nregion = eu-west-1\n[profile bare]\noutput = json
[profile china]\nrole_arn = arn:aws-cn:iam::123456789012:role/R\n[profile gov]\nrole_arn = arn:aws-us-gov:iam::123456789012:role/R\n`;
  const region = async (profile: string, env = {}) => (await site(t, profile, { config, env })).region;
  const env = { AWS_REGION: 'us-west-2', AWS_DEFAULT_REGION: 'us-east-2' };
  t.equal(await region('own', env), 'eu-west-1');
  t.equal(await region('bare', env), 'us-west-2');
  t.equal(await region('bare', { AWS_DEFAULT_REGION: 'us-east-2' }), 'us-east-2');
  t.equal(await region('bare'), 'us-east-1');
  t.equal(await region('china'), 'cn-north-1');
  t.equal(await region('gov'), 'us-gov-west-1');
});

t.test(
  'the endpoint: a variable for the service, one for all, the services section, the profile',
  async (t) => {
    const config = `[profile p]\nservices = s\nendpoint_url = http://profile\n[services s]\nsts =\n  endpoint_url = http://section
[profile q]\nendpoint_url = http://profile\n[profile r]\nignore_configured_endpoint_urls = true\nendpoint_url = http://profile\n`;
    const endpoint = async (profile: string, env = {}) => (await site(t, profile, { config, env })).endpoint;
    const all = { AWS_ENDPOINT_URL: 'http://all' };
    t.equal(await endpoint('p', { ...all, AWS_ENDPOINT_URL_STS: 'http://sts' }), 'http://sts');
    t.equal(await endpoint('p', { ...all, AWS_ENDPOINT_URL_SSO: 'http://sso' }), 'http://all');
    t.equal(await endpoint('p'), 'http://section');
    t.equal(await endpoint('q'), 'http://profile');
    t.equal(await endpoint('p', { ...all, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }), undefined);
    t.equal(await endpoint('r', all), undefined, 'as botocore: whatever is configured is ignored');
    t.equal(await endpoint('r', { ...all, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'false' }), 'http://all');
  },
);

t.test('FIPS, dual stack and the CA bundle, from the environment first', async (t) => {
  const config =
    '[profile p]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = True\nca_bundle = /own\n[profile q]\n';
  t.strictSame(await site(t, 'p', { config }), {
    region: 'us-east-1',
    fips: true,
    dualstack: true,
    caBundle: '/own',
  });
  t.strictSame(await site(t, 'q', { config }), { region: 'us-east-1' });
  const env = { AWS_USE_FIPS_ENDPOINT: 'false', AWS_USE_DUALSTACK_ENDPOINT: 'false', AWS_CA_BUNDLE: '/all' };
  t.strictSame(await site(t, 'p', { config, env }), { region: 'us-east-1', caBundle: '/all' });
  const on = { AWS_USE_FIPS_ENDPOINT: 'true', AWS_USE_DUALSTACK_ENDPOINT: 'true' };
  t.strictSame(await site(t, 'q', { config, env: on }), { region: 'us-east-1', fips: true, dualstack: true });
});

t.test('an endpoint or a region that cannot be one', async (t) => {
  const config = '[profile p]\nendpoint_url = localhost:4566\n[profile r]\nregion = eu west\n';
  await t.rejects(site(t, 'p', { config }), {
    code: 'InvalidProfile',
    statusCode: 400,
    message: 'Invalid endpoint: localhost:4566 (~/.aws/config:2). Write it as https://HOST:PORT',
  });
  await t.rejects(site(t, 'r', { config }), {
    code: 'InvalidProfile',
    message: "Provided region_name 'eu west' doesn't match a supported format. (~/.aws/config:4)",
  });
});
