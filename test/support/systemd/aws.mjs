// A simulated AWS with the sample profiles in this home, and with more of them: prints "ready". What was asked of it, a
// line each, is at http://127.0.0.1:9099.
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { homedir } from 'node:os';
import { startSimulatedAws } from '/opt/credd/dist/demo/aws.js';
import { sampleWorld, writeSampleProfiles } from '/opt/credd/dist/demo/profiles.js';

const corp = {
  startUrl: 'https://corp.awsapps.com/start',
  region: 'eu-west-1',
  userName: 'ada',
  assignments: [{ accountId: '123456789012', roles: ['developer'] }],
  autoApprove: true,
};
const aws = await startSimulatedAws({
  world: { ...sampleWorld, identityCenters: [...sampleWorld.identityCenters, corp] },
});
await writeSampleProfiles(homedir(), aws);
appendFileSync(
  `${homedir()}/.aws/config`,
  `
[sso-session corp]
sso_start_url = ${corp.startUrl}
sso_region = ${corp.region}
sso_registration_scopes = sso:account:access

[profile corp]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = developer
endpoint_url = ${aws.url}

# By a name that nobody knows yet.
[profile named]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = user
external_id = demo-7
endpoint_url = http://aws.test:${aws.port}

`,
);
createServer((_, answer) => {
  answer.end(aws.calls.map(({ operation, outcome }) => `${operation} ${outcome}\n`).join(''));
}).listen(9099, '127.0.0.1', () => console.log('ready'));
process.stdin.resume().on('end', () => process.exit());
