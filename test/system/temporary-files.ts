import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sweepLeftovers } from '../../src/system/temporary-files.js';

t.test('what a killed process was writing goes, and what another is writing stays', async (t) => {
  const old = '.leases.0123456789ab.tmp';
  const young = '.token.0123456789ab.tmp';
  const folder = t.testdir({
    ...{ [old]: '', [young]: '', '.mine.tmp': '', leases: '', 'a.0123456789ab.tmp': '' },
    '.folder.0123456789ab.tmp': {},
  });
  const now = Date.now();
  const hourAgo = now / 1000 - 3600;
  for (const name of readdirSync(folder))
    if (name !== young) utimesSync(join(folder, name), hourAgo, hourAgo);
  const before = readdirSync(folder);
  await sweepLeftovers(folder, now);
  t.same(
    readdirSync(folder),
    before.filter((name) => name !== old),
  );
  await sweepLeftovers(join(folder, 'none'), now);
});
