import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { sampleWorld, writeSampleProfiles } from '../../src/demo/profiles.js';
import { createMetrics } from '../../src/http/metrics.js';
import type { Traffic } from '../../src/http/traffic.js';
import type { Tally } from '../../src/system/tally.js';
import { machine } from '../support/cli.js';

async function ask(port: number, path: string, headers: Record<string, string> = {}) {
  const asked = request({ host: '127.0.0.1', port, path, headers, agent: false }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, type: answer.headers['content-type'], body: await text(answer) };
}

t.test('what Prometheus reads', async (t) => {
  const aws = await startSimulatedAws({ world: sampleWorld });
  t.teardown(aws.close);
  const here = machine(t, { config: '' });
  await writeSampleProfiles(here.home, aws);
  const { port } = await here.serve();
  for (const path of ['user', 'user', 'user', 'deploy', 'forbidden', 'no-such-profile'])
    await ask(port, `/creds/${path}`);
  await ask(port, '/creds/user', { authorization: 'wrong' });

  const { status, type, body } = await ask(port, '/metrics');
  t.equal(status, 200);
  t.match(type, /^text\/plain; version=0\.0\.4/);
  const value = (line: string) =>
    Number(
      body
        .split('\n')
        .find((it) => it.startsWith(`${line} `))
        ?.split(' ')
        .at(-1),
    );
  t.equal(value('credd_requests_total{profile="user",outcome="ok"}'), 3);
  t.equal(value('credd_requests_total{profile="forbidden",outcome="AccessDenied"}'), 1);
  t.equal(value('credd_requests_total{profile="",outcome="Unauthorized"}'), 1);
  t.notMatch(body, /no-such-profile/, 'nobody can fill our memory with made-up names');
  t.equal(value('credd_cache_hits_total'), 2);
  t.equal(value('credd_aws_calls_total{operation="GetSessionToken",result="ok"}'), 1);
  t.match(body, /credd_aws_calls_total\{operation="AssumeRole",result="AccessDenied\w*"\} 1/);
  t.equal(value('credd_renewals_total{profile="deploy",outcome="ok"}'), 1);
  t.equal(value('credd_answer_seconds_count'), 7);
  t.equal(value('credd_answer_seconds_bucket{le="+Inf"}'), 7);
  t.ok(value('credd_answer_seconds_bucket{le="0.001"}') <= value('credd_answer_seconds_bucket{le="0.1"}'));
  t.ok(value('credd_session_expiry_seconds{profile="user"}') > 3600);
  t.equal(value('credd_session_expiry_seconds{profile="forbidden"}'), 0);
  t.equal(value('credd_store_up{kind="memory"}'), 1);
  t.ok(value('process_resident_memory_bytes') > 1e7);
  t.match((await ask(port, '/metrics')).body, 'credd_answer_seconds_count 7\n', 'to ask does not count');
  t.notMatch(body, /ASIA|AKIA/);
});

t.test('the shortest session of a profile counts, to its last second', async (t) => {
  const counts = { entries: () => [] } as unknown as Tally;
  const times = { bounds: [], inBucket: [], count: 0, sum: 0 };
  const traffic = { answers: counts, hits: 0, times } as unknown as Traffic;
  const now = 1_000_000;
  const metrics = createMetrics({
    traffic,
    calls: counts,
    renewals: counts,
    store: async () => ({ kind: 'memory', up: true }),
    files: () => [],
    ownFiles: () => [],
    isClockWrong: () => false,
    signIns: async () => [],
    now: () => now,
    sessions: () => [
      { profile: 'ending', state: 'ready', expiresAt: now + 500, lastAskedAt: now },
      { profile: 'ending', state: 'ready', expiresAt: now + 3_600_000, lastAskedAt: now },
      { profile: 'ended', state: 'failed', lastAskedAt: now },
      { profile: 'ending', state: 'ready', expiresAt: now + 100 },
      { profile: 'idle', state: 'lapsed', lastAskedAt: now },
    ],
  });
  const { body } = await metrics.text();
  t.same(body.match(/^credd_session_expiry_seconds.*$/gm), [
    'credd_session_expiry_seconds{profile="ending"} 0.5',
    'credd_session_expiry_seconds{profile="ended"} 0',
  ]);
});

t.test('who may read it', async (t) => {
  const here = machine(t);
  const { port } = await here.serve();
  const token = readFileSync(join(here.home, '.local/state/credd/token'), 'utf8');
  t.equal((await ask(port, '/metrics', { authorization: token })).status, 200);
  t.equal((await ask(port, '/metrics', { authorization: 'wrong' })).status, 401);
  t.equal((await ask(port, '/metrics', { origin: 'http://evil.example' })).status, 403);
});

t.test('what an answer from memory does without is not loaded until somebody asks', async (t) => {
  const { port, stderr, prints } = await machine(t).serve([], { env: { NODE_DEBUG: 'module,esm' } });
  t.match(stderr(), /node_modules\/fastify/);
  t.notMatch(stderr(), /Translating CJSModule .*node_modules\/fastify/, 'nor searched for exports');
  t.notMatch(stderr(), /node_modules\/(prom-client|ajv|@aws-sdk|@smithy)/);
  await ask(port, '/metrics');
  await prints(/node_modules\/prom-client/);
});
