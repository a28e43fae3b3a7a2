import { mkdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { machine } from '../support/cli.js';

const TIME = Date.UTC(2026, 10, 21, 12);

t.test('what is no line of the trail is passed over', async (t) => {
  const own = machine(t);
  const folder = own.path('.local', 'state', 'credd');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const good = { time: TIME, profile: 'dev', outcome: '200' };
  const gap = { time: TIME, lost: 3 };
  const bad = [
    'garbage',
    'null',
    '[]',
    '{}',
    '{"time":"x","outcome":"200"}',
    '{"time":1e300,"outcome":"200"}',
    `{"time":${TIME},"outcome":5}`,
    `{"time":${TIME},"outcome":"200","pid":{}}`,
    `{"time":${TIME},"outcome":"200","agent":7}`,
    `{"time":${TIME},"lost":"x"}`,
    `{"time":${TIME},"outcome":"2`,
  ];
  const lines = [JSON.stringify(good), ...bad.slice(0, -1), JSON.stringify(gap), bad.at(-1)];
  writeFileSync(`${folder}/audit.jsonl`, lines.join('\n'), { mode: 0o600 });
  const { code, stdout } = await own.credd(['audit', '--json']);
  t.equal(code, 0);
  t.same(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [good, gap],
  );
  t.match(await own.credd(['audit']), {
    code: 0,
    stdout: /^TIME .*\n.* dev +vended .*\n.* 3 more were not written down\n$/,
  });
});
