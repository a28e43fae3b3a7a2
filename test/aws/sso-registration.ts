import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  type Flow,
  type Registration,
  registration,
  registrationFile,
} from '../../src/aws/sso-registration.js';
import type { SsoSignIn } from '../../src/aws/sso-sign-in.js';

const NOW = Date.UTC(2026, 0);
const DAY = 86_400_000;
const site = { region: 'eu-west-1' };
const about: SsoSignIn = {
  key: 'wellcome',
  session: 'wellcome',
  startUrl: 'https://wellcome.awsapps.com/start/#',
  region: 'eu-west-1',
  oidc: site,
  portal: site,
};
const python = spawnSync('python3', ['--version']).status !== 0 && 'needs python3: apt-get install python3';

t.test('the file is named as Python would name it', { skip: python }, (t) => {
  const { session: _, ...legacy } = about;
  const cases: SsoSignIn[] = [
    about,
    legacy,
    { ...about, scopes: ['sso:account:access', 'codewhisperer:completions'] },
    { ...about, session: 'wéllcome "ü" 😀\\' },
  ];
  const script = `import json,sys,hashlib
for c in json.load(sys.stdin):
  print(hashlib.sha1(json.dumps({'tool':'botocore','startUrl':c['startUrl'],'region':c['region'],'scopes':c.get('scopes'),'session_name':c.get('session')}, sort_keys=True).encode()).hexdigest()+'.json')`;
  const { stdout } = spawnSync('python3', ['-c', script], { input: JSON.stringify(cases), encoding: 'utf8' });
  t.strictSame(cases.map(registrationFile), stdout.trim().split('\n'));
  t.end();
});

t.test('what is cached is used while it lasts and is good for the flow', async (t) => {
  const cacheDir = t.testdir({});
  const path = join(cacheDir, registrationFile(about));
  let made = 0;
  const ask = (flow: Flow, fresh = false): Promise<Registration> =>
    registration(about, flow, {
      cacheDir,
      now: NOW,
      fresh,
      async register() {
        made++;
        return {
          clientId: `client ${made}`,
          clientSecret: 'secret',
          expiresAt: NOW + 90 * DAY,
          scopes: ['sso:account:access'],
          ...(flow === 'code' ? { grantTypes: ['authorization_code', 'refresh_token'] } : {}),
        };
      },
    });
  t.equal((await ask('code')).clientId, 'client 1');
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.strictSame(JSON.parse(readFileSync(path, 'utf8')), {
    clientId: 'client 1',
    clientSecret: 'secret',
    scopes: ['sso:account:access'],
    grantTypes: ['authorization_code', 'refresh_token'],
    expiresAt: '2026-04-01T00:00:00Z',
  });
  t.equal((await ask('code')).clientId, 'client 1');
  t.equal((await ask('device')).clientId, 'client 2', 'not for the other flow');
  t.equal((await ask('device')).clientId, 'client 2');
  t.equal((await ask('device', true)).clientId, 'client 3');

  const cached = (more: object) =>
    writeFileSync(path, JSON.stringify({ clientId: 'theirs', clientSecret: 's', ...more }));
  const scopes = ['sso:account:access', 'more'];
  cached({ expiresAt: '2026-03-01T00:00:00UTC', scopes });
  t.equal((await ask('device')).clientId, 'theirs', "the AWS CLI's");
  for (const [name, fields] of Object.entries({
    'about to end': { expiresAt: '2026-01-01T00:10:00Z', scopes },
    'without the scope': { expiresAt: '2026-03-01T00:00:00Z' },
    'without an end': { scopes },
  })) {
    cached(fields);
    t.not((await ask('device')).clientId, 'theirs', name);
  }
  cached({ expiresAt: '2026-01-01T00:10:00Z', grantTypes: ['authorization_code'], theirs: [1] });
  await ask('device');
  const kept = JSON.parse(readFileSync(path, 'utf8'));
  t.strictSame([kept.theirs, kept.grantTypes], [[1], undefined], 'only what is theirs is kept');
  writeFileSync(path, '{"clientId": "half');
  t.not((await ask('device')).clientId, 'theirs');
});
