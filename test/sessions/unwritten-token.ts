import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import { notMountable, remount, smallDisk } from '../support/small-disk.js';
import { HOUR, MINUTE, turn } from '../support/time.js';
import { cached, code, inMoments, signIn, startOverSignIn, until } from '../support/vending-sign-in.js';

t.test('a renewed token that the full disk does not take', { skip: notMountable }, async (t) => {
  t.test('is served with, said of, and written when there is room', async (t) => {
    const { vendor, aws, clock, told, before, state, makeRoom, vending } = await renewedUnwritten(t);
    t.ok((await vendor.session('p0')).accessKeyId);
    t.equal(cached(vending).accessToken, before.accessToken, 'what is on disk is spent');
    t.match(await state(), {
      state: 'done',
      renewable: true,
      renewsAt: Number,
      expiresAt: clock.now() + HOUR,
      lastError: {
        code: 'CannotWrite',
        message: /^Sign-in to wellcome: .*the disk is full; free some space/,
      },
    });
    for (let hour = 0; hour < 3; hour++) {
      clock.advance(45 * MINUTE);
      while (!(await state()).renewsAt) await turn();
      t.ok((await inMoments(vending, vendor.session(`p${hour + 1}`))).accessKeyId);
    }
    t.equal(aws.count('CreateToken', 'ok'), 5);
    t.equal(aws.count('CreateToken'), 5, 'no refresh token is spent twice');
    t.strictSame(told, [{ done: 'wellcome' }, { unwritten: 'wellcome' }], 'said once');

    makeRoom();
    clock.advance(MINUTE);
    await until(() => told.length === 3);
    t.strictSame(told.at(-1), { written: 'wellcome' });
    t.notMatch(await state(), { lastError: {} });
    const kept = cached(vending);
    t.ok(aws.signIns.refresh(kept.refreshToken), 'another tool can go on with what is there now');
  });

  t.test('is written as soon as somebody looks', async (t) => {
    const { state, told, makeRoom } = await renewedUnwritten(t);
    makeRoom();
    t.notMatch(await state(), { lastError: {} });
    t.strictSame(told.at(-1), { written: 'wellcome' });
  });

  t.test('takes the place of a file that another tool could write but in part', async (t) => {
    const { vendor, path, told, before, vending } = await renewedUnwritten(t);
    writeFileSync(path, '');
    t.ok((await vendor.session('p0')).accessKeyId);
    t.strictSame(told.slice(2), [{ written: 'wellcome' }], 'that has made room');
    t.not(cached(vending).accessToken, before.accessToken);
  });

  t.test('gives way to a newer sign-in of another tool', async (t) => {
    const { vendor, path, before, told, clock, aws, vending, state } = await renewedUnwritten(t);
    clock.advance(10 * MINUTE);
    const center = aws.signIns.center(before.startUrl);
    const theirs = center && aws.signIns.begin(center, true);
    const { accessToken, expiresAt } = theirs ?? { accessToken: '', expiresAt: 0 };
    writeFileSync(path, JSON.stringify({ ...before, accessToken, expiresAt: new Date(expiresAt) }));
    t.match(await state(), { expiresAt });
    t.strictSame(told.at(-1), { written: 'wellcome' });
    t.ok((await vendor.session('p0')).accessKeyId);
    t.equal(cached(vending).accessToken, accessToken);
  });

  t.test('goes with a sign-out, here or with another tool', async (t) => {
    for (const elsewhere of [false, true]) {
      const { vendor, path, makeRoom, clock, vending, told } = await renewedUnwritten(t);
      if (elsewhere) rmSync(path);
      else t.ok((await vending.signIn('wellcome').end())?.accessToken);
      t.strictSame(told.at(-1), { unwritten: 'wellcome' });
      makeRoom();
      clock.advance(5 * MINUTE);
      t.equal(await vendor.session('p0').catch(code), 'SsoLoginRequired');
      t.throws(() => cached(vending), { code: 'ENOENT' });
    }
  });
});

t.test('a cache that is read-only', { skip: notMountable }, async (t) => {
  const { disk, ...vending } = await onDisk(t);
  const wellcome = vending.signIn('wellcome');
  await signIn(vending);
  const before = cached(vending);
  const { renewsAt } = await wellcome.state();
  remount(disk, 'ro');
  await t.rejects(wellcome.begin('code'), {
    code: 'CannotWrite',
    message:
      /^Sign-in to wellcome: cannot write .*read-only\. Put that right, then type: credd login wellcome$/,
  });
  t.equal(vending.aws.count('RegisterClient'), 1, 'nobody signs in for nothing');
  await t.rejects(wellcome.end(), {
    code: 'CannotWrite',
    message: /^Sign-in to wellcome: cannot remove .*read-only\. Nothing was changed\.$/,
  });
  t.same(cached(vending), before);
  t.match(await wellcome.state(), { state: 'done', renewable: true });
  vending.clock.advance((renewsAt ?? 0) - vending.clock.now() + MINUTE);
  await until(() => vending.told.length === 2);
  t.strictSame(vending.told, [{ done: 'wellcome' }, { unwritten: 'wellcome' }], 'it is renewed all the same');
  t.ok((await vending.vendor.session('p0')).accessKeyId);

  remount(disk, 'rw');
  await signIn(vending);
  t.ok(await wellcome.end());
  t.equal((await wellcome.state()).state, 'none');
});

/** Somebody has signed in, then the disk is full, then the token is renewed. */
async function renewedUnwritten(t: Test) {
  const { disk, ...vending } = await onDisk(t);
  const { ssoCache, clock, told } = vending;
  await signIn(vending);
  const before = cached(vending);
  const filler = join(disk, 'filler');
  t.throws(() => writeFileSync(filler, Buffer.alloc(70_000)), { code: 'ENOSPC' });
  clock.advance(45 * MINUTE);
  await until(() => told.length === 2);
  return {
    ...vending,
    vending,
    before,
    path: new SsoTokenCache(ssoCache).path('wellcome'),
    state: () => vending.signIn('wellcome').state(),
    makeRoom: () => rmSync(filler),
  };
}

/** With the cache on a disk of its own. */
async function onDisk(t: Test) {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const disk = smallDisk(t);
  rmSync(vending.ssoCache, { recursive: true });
  symlinkSync(disk, vending.ssoCache);
  return { ...vending, disk };
}
