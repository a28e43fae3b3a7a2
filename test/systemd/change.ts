import t from 'tap';
import { underLoad } from '../support/systemd/load.js';
import { bootMachine, missing } from '../support/systemd/machine.js';

const URL = 'http://127.0.0.1:8363/creds';
const SUCCESS = /"Code":"Success"/;

t.test('what changes around the service', { skip: missing, timeout: 240_000 }, async (t) => {
  const machine = await bootMachine(t);
  const { says, root, calls } = machine;
  await machine.script('aws.mjs');
  const install = 'CREDD_STORE=file CREDD_STORE_PASSPHRASE_FILE=~/passphrase credd service install';
  await says(`umask 077; head -c 32 /dev/urandom | base64 > ~/passphrase; ${install}`);
  const answer = (profile: string) => says(`curl -s ${URL}/${profile}`);
  const well = (profile: string) =>
    says(`until curl -s -m 20 ${URL}/${profile} | grep -q Success; do sleep 0.1; done`);
  const property = (name: string) => says(`systemctl --user show credd.service --property ${name} --value`);
  const restart = () => says('systemctl --user restart credd.service');
  /** Until what asking at its socket has started has told its state. */
  const started = () => says('systemctl --user start credd.service');

  await t.test('a name service that comes late', async (t) => {
    await restart();
    const refused = await says(`curl -si ${URL}/named`);
    t.match(refused, /^HTTP\/1\.1 503 .*retry-after: \d/is);
    t.match(refused, /aws\.test cannot be found/);
    t.equal(
      await says(`curl -s -o /dev/null -w '%{http_code}\\n' '${URL}/named?[1-500]' | sort | uniq -c`),
      '500 503',
    );
    const [, failed] =
      /aws_calls_total\{operation="AssumeRole",result="\w+"\} (\d+)/.exec(
        await says('curl -s http://127.0.0.1:8363/metrics'),
      ) ?? [];
    t.ok(Number(failed) >= 1 && Number(failed) < 20, `500 requests made ${failed} calls`);
    t.equal(await property('NRestarts'), '0');
    t.strictSame(await calls(), []);
    await root("sed '$a 127.0.0.1 aws.test' /etc/hosts > /tmp/hosts && cat /tmp/hosts > /etc/hosts");
    await well('named');
    t.strictSame(await calls(), ['AssumeRole ok'], 'and it heals by itself');
  });

  await t.test('a config.ini that is broken', async (t) => {
    const file = '~/.config/credd/config.ini';
    await says(`mkdir -p ~/.config/credd; echo 'stoer = auto' > ${file}`);
    const seen = await underLoad(t, machine, `${URL}/user`, async () => {
      await restart();
      t.match(await says(`curl -si ${URL}/user`), /^HTTP\/1\.1 503 .*"CannotServe".*credd service status/is);
      t.match(await property('StatusText'), /cannot serve: "stoer" \(line 1 of .*config\.ini\)/);
      t.match(await machine.credd('service status'), {
        code: 1,
        stdout: /cannot serve: "stoer" \(line 1 of .*config\.ini\)/,
      });
      t.equal(await property('NRestarts'), '0', 'it is not started again and again');
      await says(`echo 'store = auto' > ${file}`);
      await well('user');
      t.equal(await property('NRestarts'), '1', 'but once, when the file is repaired');
    });
    t.match(seen, { refused: 0, lost: 0, cut: 0 });
    t.ok(seen.others.length > 0 && seen.others.every((it) => it.startsWith('503 ')));
  });

  await t.test('one that was started by hand', async (t) => {
    const state = '~/.local/state/credd';
    await says('systemctl --user stop credd.service');
    t.match(await machine.credd('serve --port 9000'), {
      code: 1,
      stderr: /runs already, process \d+, at http:\/\/127\.0\.0\.1:8363,/,
    });
    await says(`systemctl --user stop credd.socket credd.service
      node /opt/credd/dist/cli.js serve --port 9000 > ~/log 2>&1 & until grep -q 'credd listens' ~/log; do sleep 0.1; done
      systemctl --user reset-failed; systemctl --user start credd.socket`);
    t.match(await answer('user'), /"CannotServe"/, 'the service lets it go on');
    await started();
    const byHand = await says(`cat ${state}/lock`);
    t.match(
      await property('StatusText'),
      `cannot serve: A credd of yours runs already, process ${byHand}, at`,
    );
    const pid = await property('MainPID');
    await says('systemctl --user reload credd.service');
    t.match(await answer('user'), /"CannotServe"/);
    t.equal(await property('MainPID'), pid);
    t.equal(await property('NRestarts'), '0');
    await says(`kill ${byHand}`);
    await well('user');
    t.equal(await property('NRestarts'), '1', 'and follows it');
    t.equal(await says(`cat ${state}/endpoint`), 'http://127.0.0.1:8363');
    await calls();
  });

  await t.test('a folder in place of the token, and a socket too many', async (t) => {
    const token = '~/.local/state/credd/token';
    const drop = '~/.config/systemd/user/credd.socket.d';
    await says(`systemctl --user stop credd.socket credd.service; systemctl --user reset-failed
      mv ${token} ~/token; mkdir ${token}
      mkdir -p ${drop}; printf '[Socket]\\nListenStream=127.0.0.1:8364\\n' > ${drop}/test.conf
      systemctl --user daemon-reload; systemctl --user start credd.socket`);
    t.match(await answer('user'), /"CannotServe"/);
    await started();
    t.match(await property('StatusText'), /cannot serve: .*token is a folder/);
    t.equal(await property('NRestarts'), '0');
    await says(`rmdir ${token}; mv ~/token ${token}`);
    await well('user');
    t.equal(await property('NRestarts'), '1');
    t.match(
      await says('curl -s -m 20 http://127.0.0.1:8364 || echo $?'),
      /^(52|56)$/,
      'who comes to another socket is not left waiting',
    );
    await says(`rm -r ${drop}; systemctl --user daemon-reload
      systemctl --user stop credd.socket credd.service; systemctl --user start credd.socket`);
    await calls();
  });

  await t.test('another passphrase', async (t) => {
    await says('mv ~/passphrase ~/away; umask 077; echo another > ~/passphrase');
    await restart();
    t.match(await answer('user'), SUCCESS, 'from memory');
    t.match(await says('credd status'), /The store failed when it was last used: .*passphrase/);
    t.equal(await property('NRestarts'), '0');
    await says('mv ~/away ~/passphrase');
    await restart();
    await calls();
  });

  await t.test('a passphrase file that is gone', async (t) => {
    await says('mv ~/passphrase ~/away');
    await restart();
    t.match(await answer('user'), SUCCESS, 'from memory');
    t.match(await says('credd status'), /store failed.*: systemd had no passphrase to hand over/);
    t.equal(await property('NRestarts'), '0');
    await says('mv ~/away ~/passphrase');
    await restart();
    await calls();
  });

  await t.test('a state folder of another version', async (t) => {
    const version = '~/.local/state/credd/version';
    t.match(await answer('user'), SUCCESS);
    await calls();
    t.equal(await says(`cat ${version}`), '1');
    await says(`echo 99 > ${version}`);
    await restart();
    t.match(await answer('user'), /"CannotServe"/);
    t.match(await machine.credd('service status'), {
      code: 1,
      stdout: /cannot serve: .* was written by a newer credd/,
    });
    t.match(await machine.credd('whoami user'), { code: 1, stderr: /was written by a newer credd/ });
    await says(`echo 1 > ${version}`);
    await well('user');
    await says(`rm ${version}`);
    await restart();
    t.match(await answer('user'), SUCCESS);
    t.strictSame(await calls(), [], 'what an older one left is taken up');
    t.equal(await says(`cat ${version}`), '1');
  });

  await t.test('another version of the package', async (t) => {
    const npm = 'node /opt/npm/bin/npm-cli.js --offline --ignore-scripts --no-fund --no-audit';
    // No network here: what it depends on lies in a folder above.
    await says(`ln -s /opt/credd/node_modules ~/node_modules; mkdir ~/package
      cp -R /opt/credd/dist /opt/credd/systemd /opt/credd/package.json ~/package`);
    const release = (version: string) =>
      says(`cd ~/package && node -e 'const { dependencies, optionalDependencies, devDependencies, ...it } = require("./package.json");
        fs.writeFileSync("package.json", JSON.stringify({ ...it, version: "${version}" }))' &&
        ${npm} pack --silent > /dev/null && ${npm} install --silent --global --prefix ~/prefix ./credd-${version}.tgz &&
        ~/prefix/bin/credd --version`);
    t.equal(await release('98.0.0'), '98.0.0');
    const installOwn = install.replace(' credd ', ' ~/prefix/bin/credd ');
    await says(installOwn);
    t.match(
      await says('cat ~/.config/systemd/user/credd.service'),
      /prefix\/lib\/node_modules\/credd\/dist\/cli/,
    );
    await says('~/prefix/bin/credd login corp --device');
    const lease = await says('~/prefix/bin/credd lease deploy --shell dotenv');
    const [, uri, token] = /FULL_URI=(.*)[\s\S]*TOKEN=(.*)/.exec(lease) ?? [];
    const leased = () => says(`curl -s -H 'Authorization: ${token}' ${uri}`);
    const before = [await leased(), await answer('corp')];
    await calls();

    const seen = await underLoad(t, machine, `${URL}/user`, async () => {
      t.equal(await release('99.0.0'), '99.0.0');
      await says(installOwn);
    });
    t.match(seen, { refused: 0, lost: 0, cut: 0, others: [] });
    t.strictSame([await leased(), await answer('corp')], before, 'leases and sessions go on');
    t.strictSame(await calls(), []);
    t.match(await says('~/prefix/bin/credd refresh corp 2>&1'), /has a new session/, 'sign-ins too');
  });

  await t.test('a profile that is the default of the desktop, after a new login', async (t) => {
    await says(
      'mkdir -p ~/.config/environment.d && credd env deploy --global > ~/.config/environment.d/90-credd.conf',
    );
    await root('systemctl restart "user@$(id -u ada)"');
    t.match(
      await says('systemctl --user show-environment'),
      /^AWS_CONTAINER_CREDENTIALS_FULL_URI=http:\/\/127\.0\.0\.1:8363\/creds\/deploy$/m,
    );
    t.match(
      await says(
        `systemd-run --user --quiet --wait --pipe sh -c 'curl -s "$AWS_CONTAINER_CREDENTIALS_FULL_URI"'`,
      ),
      SUCCESS,
      'and the first program that asks has it',
    );
  });
});
