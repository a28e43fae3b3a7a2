import t, { type Test } from 'tap';
import { ACCOUNT, type Ready, ready, typed, USER } from '../support/own-keys.js';

const ADA = `arn:aws:iam::${ACCOUNT}:user/ada`;
const soon = () => new Promise((next) => setImmediate(next));
const activeKeys = ({ aws }: Ready) => aws.world.keysOf(ADA).filter(({ inactive }) => !inactive);

/** A rotation that has made its new key, while AWS does not say yet that it takes it. */
async function underWay(t: Test, options: { daemon: boolean }) {
  const own = await ready(t, options);
  t.match(await own.credd(['keys', 'add', 'dev'], typed()), { code: 0 });
  const before = own.aws.count('GetCallerIdentity');
  own.aws.faults.set('GetCallerIdentity', { kind: 'hang' });
  const rotation = own.start(['keys', 'rotate', 'dev']);
  while (own.aws.count('GetCallerIdentity') === before) await soon();
  t.equal(activeKeys(own).length, 2);
  return { own, rotation };
}

/** Finished or undone: of the user's keys one is active, and it is the one that is kept. */
async function isSettled(t: Test, own: Ready): Promise<void> {
  t.equal(activeKeys(own).length, 1);
  t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: /user\/ada/ });
  t.match(await own.credd(['keys', 'rotate', 'dev']), { code: 0 });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`${signal} without a daemon: the rotation is finished or undone first`, async (t) => {
    const { own, rotation } = await underWay(t, { daemon: false });
    rotation.process.kill(signal);
    await rotation.prints(/The rotation has begun: it is finished or undone first/);
    rotation.process.kill(signal);
    own.aws.faults.clear();
    t.match(await rotation.ended, { signal: null });
    await isSettled(t, own);
  });
}

t.test('a daemon that is stopped finishes the rotation first, or undoes it', async (t) => {
  const { own, rotation } = await underWay(t, { daemon: true });
  const { running } = own;
  running?.process.kill('SIGTERM');
  await running?.prints(/a rotation of keys is under way and is finished or undone first/);
  t.match(await rotation.ended, {
    code: 1,
    stderr: /The daemon (stops, and has not answered|finishes)|The old key is in place/,
  });
  own.aws.faults.clear();
  t.match(await running?.ended, { code: 0 });
  await isSettled(t, own);
});

t.test('Ctrl-C at the command: the daemon goes on', async (t) => {
  const { own, rotation } = await underWay(t, { daemon: true });
  rotation.process.kill('SIGINT');
  t.match(await rotation.ended, { code: 130, stderr: /The daemon finishes a rotation.*credd keys list/ });
  own.aws.faults.clear();
  while (activeKeys(own).length !== 1) await soon();
  await own.running?.stop();
  await isSettled(t, own);
});

t.test('a new key whose secret was lost on the way is deleted', async (t) => {
  const own = await ready(t);
  t.match(await own.credd(['keys', 'add', 'dev'], typed()), { code: 0 });
  own.aws.faults.set('CreateAccessKey', { kind: 'lost', times: 1 });
  t.match(await own.credd(['keys', 'rotate', 'dev']), {
    code: 1,
    stderr: /The new key that AWS had made is deleted again, and the old key is in place\.\n$/,
  });
  t.equal(own.aws.count('CreateAccessKey', 'ok'), 1);
  t.same(
    activeKeys(own).map(({ accessKeyId }) => accessKeyId),
    [USER.accessKeyId],
  );
  await isSettled(t, own);
});

t.test('where that cannot be done it is named, and so is the way out', async (t) => {
  const own = await ready(t);
  t.match(await own.credd(['keys', 'add', 'dev'], typed()), { code: 0 });
  own.aws.faults.set('CreateAccessKey', { kind: 'lost', times: 1 });
  own.aws.faults.set('DeleteAccessKey', { kind: 'error', status: 403, code: 'AccessDenied' });
  const failed = await own.credd(['keys', 'rotate', 'dev']);
  const lost = activeKeys(own)[1]?.accessKeyId;
  const deleting = `credd exec dev --no-session -- aws iam delete-access-key --access-key-id ${lost}\n`;
  t.match(failed, { code: 1, stderr: new RegExp(`${USER.accessKeyId} is in place.*${deleting}$`) });
  own.aws.faults.clear();
  t.match(await own.credd(['keys', 'rotate', 'dev']), {
    code: 1,
    stderr: new RegExp(
      `allows no third: ${USER.accessKeyId}, which is in use here, and ${lost}.*${deleting}$`,
    ),
  });

  own.aws.world.revoke(lost ?? '');
  own.aws.faults.set('ListAccessKeys', { kind: 'error', status: 403, code: 'AccessDenied' });
  own.aws.faults.set('CreateAccessKey', { kind: 'lost', times: 1 });
  t.match(await own.credd(['keys', 'rotate', 'dev']), {
    code: 1,
    stderr: /AKIAADAADAADAADA is in place\. If another key .*list-access-keys, then .*delete-access-key/,
  });
  t.equal(activeKeys(own).length, 2, 'nothing is deleted that may be in use');
});
