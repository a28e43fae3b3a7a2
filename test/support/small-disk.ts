import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** Why no small disk can be mounted here; false where it can. */
export const notMountable = process.getuid?.() !== 0 && 'mount -t tmpfs needs root: sudo npm test';

/** A folder with room for 64 KB. */
export function smallDisk(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'credd-'));
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', folder]);
  if (status !== 0) throw new Error(`mount: ${stderr}`);
  t.teardown(() => {
    spawnSync('umount', [folder]);
    rmdirSync(folder);
  });
  return folder;
}

/** From now on nothing can be changed there; or, with `rw`, it can again. */
export function remount(disk: string, as: 'ro' | 'rw'): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${as}`, disk]);
  if (status !== 0) throw new Error(`mount: ${stderr}`);
}
