import t from 'tap';
import { underLoad } from '../support/systemd/load.js';
import { bootMachine, missing } from '../support/systemd/machine.js';

const URL = 'http://127.0.0.1:8363/creds/user';

t.test(
  'a service in a real systemd, for an ordinary user',
  { skip: missing, timeout: 240_000 },
  async (t) => {
    const machine = await bootMachine(t);
    const { says, sh, credd } = machine;
    await machine.script('aws.mjs');
    const pid = () => says('systemctl --user show credd.service --property MainPID --value');

    await t.test('a dry run changes nothing', async (t) => {
      const { code, stdout } = await credd('service install --dry-run');
      t.equal(code, 0);
      t.match(stdout, /ExecStart=\/opt\/node\/node \/opt\/credd\/dist\/cli\.js serve\n/);
      t.match(stdout, /^systemctl --user enable --now credd\.socket$/m);
      t.equal((await sh('ls ~/.config/systemd/user')).code, 2);
      t.equal((await credd('service status')).code, 1);
    });

    await t.test('install: it answers', async (t) => {
      const { code, stdout, stderr } = await credd('service install');
      t.equal(code, 0, stderr);
      t.match(stdout, 'http://127.0.0.1:8363');
      t.match(stderr, /Carried over from this shell: PATH\n/);
      t.match(await says('credd service status'), /credd\.service: active \(running\), process \d+/);
      const again = await credd('service install');
      t.equal(again.code, 0, again.stderr);
      t.equal(await says('systemd-analyze --user verify ~/.config/systemd/user/credd.* 2>&1'), '');
    });

    await t.test('the first request starts it', async (t) => {
      await says('systemctl --user stop credd.service');
      t.equal(await pid(), '0');
      t.match(await says('credd whoami user'), /"Account": "123456789012"/, 'a command waits for it too');
      t.not(await pid(), '0');
      t.match(await says('systemctl --user status credd.service'), /Status: "http.*sessions of \d profiles"/);
    });

    await t.test('restarts cut nobody off', async (t) => {
      const seen = await underLoad(t, machine, URL, async () => {
        for (let time = 0; time < 5; time++) await says('systemctl --user restart credd.service');
      });
      t.match(seen, { refused: 0, cut: 0, lost: 0, others: [] });
      const journal = await says('journalctl --user --unit credd.service -o short-precise');
      t.notMatch(journal, /were cut/);
      if (seen.cut > 0) t.comment(journal);
    });

    await t.test('a stop cuts nobody off, and who asks next starts it', async (t) => {
      const seen = await underLoad(t, machine, URL, async () => {
        const stopped = await says(
          's=$(date +%s%N); systemctl --user stop credd.service; e=$(date +%s%N); echo $(( (e - s) / 1000000 ))',
        );
        t.ok(Number(stopped) < 2000, `it stopped in ${stopped} ms`);
        await sh(`curl -s ${URL}`);
      });
      t.match(seen, { refused: 0, cut: 0, lost: 0, others: [] });
    });

    await t.test(
      'kill -9: nobody is refused, and who was cut gets an answer at the next attempt',
      async (t) => {
        const seen = await underLoad(t, machine, URL, async () => {
          for (let time = 0; time < 6; time++) {
            const before = await pid();
            await says(`kill -9 ${before}`);
            await says(`until curl -s -m 20 ${URL}; do :; done`);
            t.not(await pid(), before);
          }
        });
        t.match(seen, { refused: 0, lost: 0, others: [] });
        t.match(await says('credd service status'), /credd\.socket: active/);
      },
    );

    await t.test('the watchdog ends a hung process, and another takes over', async (t) => {
      const drop = '~/.config/systemd/user/credd.service.d';
      await says(`mkdir -p ${drop} && printf '[Service]\\nWatchdogSec=2s\\n' > ${drop}/test.conf`);
      await says('systemctl --user daemon-reload && systemctl --user restart credd.service');
      const before = await pid();
      const seen = await underLoad(t, machine, URL, async () => {
        await says(`kill -STOP ${before}`);
        await says(`curl -s -m 20 ${URL}`);
        t.not(await pid(), before);
      });
      t.match(seen, { refused: 0, lost: 0, others: [] });
      t.match(await says('journalctl --user --unit credd.service'), /Watchdog timeout/);
      await says(`rm -r ${drop}; systemctl --user daemon-reload; systemctl --user restart credd.service`);
    });

    await t.test('a quiet watchdog interval passes', async (t) => {
      const drop = '~/.config/systemd/user/credd.service.d';
      await says(`mkdir -p ${drop} && printf '[Service]\\nWatchdogSec=1s\\n' > ${drop}/test.conf`);
      await says('systemctl --user daemon-reload && systemctl --user restart credd.service');
      const before = await pid();
      const sign = 'systemctl --user show credd.service --property WatchdogTimestampMonotonic --value';
      for (let signs = 0; signs < 5; signs++)
        await says(`a=$(${sign}); while [ "$(${sign})" = "$a" ]; do sleep 0.1; done`);
      t.equal(await pid(), before);
      await says(`rm -r ${drop}; systemctl --user daemon-reload; systemctl --user restart credd.service`);
    });

    await t.test('reload reads the files, and the process stays', async (t) => {
      const before = await pid();
      await says(
        "printf '\\n[profile added]\\nsource_profile = user\\nrole_arn = arn:aws:iam::1:role/x\\n' >> ~/.aws/config",
      );
      await says('systemctl --user reload credd.service');
      t.equal(await pid(), before);
      t.match(await says('credd list --names'), /^added$/m);
    });

    await t.test('uninstall leaves nothing behind', async (t) => {
      t.equal((await credd('service uninstall')).code, 0);
      t.equal(await says('find ~/.config/systemd -name "*credd*"'), '');
      t.equal((await sh(`curl -s ${URL}`)).code, 7, 'nobody listens');
      t.equal(await says('systemctl --user list-unit-files --no-legend "credd*" || true'), '');
      t.equal(
        await says('systemctl --user list-units --state active,activating,failed --no-legend "credd*"'),
        '',
      );
      t.equal(await says('ls ~/.local/state/credd | grep endpoint || true'), '');
      t.match((await credd('service uninstall')).stdout, 'nothing to remove');
    });

    await t.test('a port that somebody else has', async (t) => {
      const other = await machine.script('listener.mjs', '8363');
      const { code, stderr } = await credd('service install');
      t.equal(code, 0, stderr);
      t.match(
        stderr,
        /Port 8363 is taken by another user or program, so credd takes \d+, and .*config\.ini says so/,
      );
      const port = /takes (\d+)/.exec(stderr)?.[1];
      t.match(await says('cat ~/.config/credd/config.ini'), `port = ${port}`);
      t.match(await says('credd whoami user'), /"Account"/);
      t.equal((await credd('service install')).code, 0);
      await other();
      t.equal((await credd('service uninstall')).code, 0);
    });
  },
);
