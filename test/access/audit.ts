import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Asked, Audit, type AuditEntry } from '../../src/access/audit.js';
import type { Lease } from '../../src/access/lease.js';
import type { Ends, Peer } from '../../src/system/peer.js';
import { drivenClock } from '../support/driven-clock.js';

const taken: Asked = { profile: 'dev', lease: undefined, agent: 'aws-cli/2', outcome: '200' };
const refused: Asked = { ...taken, outcome: 'Unauthorized' };

function trail(t: Test, peer: () => Promise<Peer | undefined> = async () => peerOf(4711)) {
  const path = join(t.testdir({}), 'state', 'audit.jsonl');
  const clock = drivenClock();
  const warnings: string[] = [];
  const log = { warn: (message: string) => warnings.push(message) };
  const audit = new Audit({ path, clock, peerOf: peer, log });
  const lines = (): AuditEntry[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return { audit, path, clock, warnings, lines };
}

function peerOf(pid: number): Peer {
  return { uid: 1000, process: async () => ({ pid, program: 'python3', ownNamespace: true }) };
}

const connection = (): Ends => ({});

t.test('a line tells who took what', async (t) => {
  const { audit, path, lines, clock } = trail(t);
  const lease: Lease = { id: 'abc', profile: 'dev', grantedAt: 0 };
  audit.note(connection(), { ...taken, lease });
  t.notOk(existsSync(path), 'the answer waits for no disk');
  await audit.close();
  const line = { time: clock.now(), profile: 'dev', lease: 'abc', uid: 1000, pid: 4711, program: 'python3' };
  t.same(lines(), [{ ...line, agent: 'aws-cli/2', outcome: '200' }]);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(lease.lastUsedAt, clock.now());
  t.match(audit.lastUse('dev'), { pid: 4711 });
  t.equal(audit.lastUse('prod'), undefined);
});

t.test('it is written a second later', async (t) => {
  const { audit, path, clock } = trail(t);
  const socket = connection();
  audit.watch(socket);
  audit.note(socket, taken);
  await new Promise(setImmediate);
  clock.advance(999);
  t.notOk(existsSync(path));
  clock.advance(1);
  await audit.flush();
  t.ok(existsSync(path));
  await audit.close();
});

t.test('the same again is counted, on one connection or many; what differs is not', async (t) => {
  const { audit, lines } = trail(t);
  const socket = connection();
  for (let n = 0; n < 1000; n++) audit.note(socket, { ...taken });
  for (let n = 0; n < 5; n++) audit.note(connection(), { ...taken });
  audit.note(socket, { ...taken, profile: 'prod' });
  audit.note(socket, { ...taken, agent: undefined });
  audit.note(socket, refused);
  audit.note(socket, taken);
  await audit.flush(true);
  t.match(
    lines().map(({ profile, agent, outcome, count }) => [profile, agent, outcome, count]),
    [
      ['dev', 'aws-cli/2', '200', 1006],
      ['prod', 'aws-cli/2', '200', undefined],
      ['dev', undefined, '200', undefined],
      ['dev', 'aws-cli/2', 'Unauthorized', undefined],
    ],
  );
  audit.note(socket, taken);
  await audit.close();
  t.equal(lines().length, 5, 'what comes later is a line of its own');
});

t.test('who asked may not be known: the line is there all the same', async (t) => {
  const peers: (() => Promise<Peer | undefined>)[] = [
    async () => undefined,
    async () => ({ uid: 1000, process: async () => undefined }),
    async () => ({ uid: 1000, process: () => Promise.reject(new Error('broken')) }),
    () => Promise.reject(new Error('broken')),
  ];
  for (const peer of peers) {
    const { audit, lines } = trail(t, peer);
    audit.note(connection(), taken);
    await audit.close();
    t.match(lines(), [{ profile: 'dev', outcome: '200' }]);
    t.notOk('pid' in (lines()[0] ?? {}));
  }
});

t.test('a storm of connections does not search for each process', async (t) => {
  let searches = 0;
  const { audit, lines } = trail(t, async () => ({
    uid: 1000,
    async process() {
      searches++;
      return undefined;
    },
  }));
  for (let n = 0; n < 1000; n++) audit.note(connection(), taken);
  await audit.close();
  t.ok(searches <= 74, `${searches}`);
  t.match(lines(), [{ count: 1000, uid: 1000 }]);
});

t.test('refusals cannot wash the trail away', async (t) => {
  const { audit, lines, clock } = trail(t);
  for (let n = 0; n < 10_000; n++) audit.note(connection(), { ...refused, agent: `made up ${n}` });
  audit.note(connection(), taken);
  await audit.flush(true);
  t.match(lines().at(-1), { lost: 9880 });
  t.equal(lines().length, 122);
  t.match(lines().at(-2), { outcome: '200' });
  clock.advance(60_000);
  audit.note(connection(), refused);
  await audit.close();
  t.match(lines().at(-1), { outcome: 'Unauthorized' });
});

t.test('what a client says is cut and cleaned', async (t) => {
  const { audit, lines } = trail(t);
  audit.note(connection(), {
    ...refused,
    profile: 'p'.repeat(5000),
    agent: '\u001b[31mred\r\n\u2028\u202ex',
  });
  await audit.close();
  t.equal(lines()[0]?.profile?.length, 200);
  t.equal(lines()[0]?.agent, ' [31mred x');
});

t.test('a disk that is full: said once, counted, and nothing waits', async (t) => {
  const { audit, path, warnings, lines } = trail(t);
  mkdirSync(path, { recursive: true });
  audit.note(connection(), taken);
  audit.note(connection(), refused);
  await audit.flush(true);
  audit.note(connection(), taken);
  await audit.flush(true);
  t.match(warnings, [/audit trail cannot be written/]);
  t.equal(warnings.length, 1);
  const { rmSync } = await import('node:fs');
  rmSync(path, { recursive: true });
  audit.note(connection(), { ...taken, profile: 'prod' });
  await audit.close();
  t.match(lines(), [{ profile: 'prod' }, { lost: 3 }]);
});

t.test('it is rotated by size', async (t) => {
  const { audit, path, lines } = trail(t);
  audit.note(connection(), taken);
  await audit.flush(true);
  writeFileSync(path, `${'x'.repeat(5 * 2 ** 20)}\n`);
  audit.note(connection(), { ...taken, profile: 'prod' });
  await audit.close();
  t.match(lines(), [{ profile: 'prod' }]);
  t.equal(statSync(`${path}.1`).size, 5 * 2 ** 20 + 1);
});
