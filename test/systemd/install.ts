import t from 'tap';
import { bootMachine, missing } from '../support/systemd/machine.js';

const UNITS = '.config/systemd/user';

t.test('what an install finds, and what it leaves', { skip: missing, timeout: 240_000 }, async (t) => {
  const machine = await bootMachine(t);
  const { says, root, credd } = machine;
  await machine.script('aws.mjs');
  /** What it says. */
  const installed = (line = '') => says(`${line} credd service install 2>&1`);
  const uninstalled = () => says('credd service uninstall');
  const units = () => says('find ~ -name "credd.s*" -type f | sort');

  await t.test('a shell whose settings lie elsewhere than those of the service manager', async (t) => {
    await installed('XDG_CONFIG_HOME=~/elsewhere');
    t.match(await units(), `/home/ada/${UNITS}/credd.service\n/home/ada/${UNITS}/credd.socket`);
    t.match(await credd('service status'), { code: 0, stdout: /credd\.socket: active/ });
    t.match(await says('cd /; XDG_CONFIG_HOME=~/third credd service uninstall'), /no longer a service/);
    t.equal(await units(), '');
  });

  await t.test('a config.ini that is a link to a dotfile', async (t) => {
    await says(`mkdir -p ~/.config/credd ~/dotfiles; chmod 755 ~/.config/credd
      printf 'port = 8363 ; main\\r\\n; mine\\r\\n' > ~/dotfiles/credd.ini
      ln -s ~/dotfiles/credd.ini ~/.config/credd/config.ini`);
    const other = await machine.script('listener.mjs', '8363');
    t.match(await installed(), /Port 8363 is taken .* credd takes 8364, and/);
    t.equal(await says('cat -A ~/dotfiles/credd.ini'), 'port = 8364 ; main^M$\n; mine^M$');
    t.equal(await says('readlink ~/.config/credd/config.ini'), '/home/ada/dotfiles/credd.ini');
    t.equal(await says('stat -c %a ~/.config/credd'), '755', 'a folder that was there is left as it is');
    t.notMatch(await installed(), /is taken/, 'and again it is the same one');
    await other();
    await uninstalled();
    await says('rm ~/.config/credd/config.ini');
  });

  await t.test('settings beside other files', async (t) => {
    await says('printf "store = memory\\n" > ~/own.ini; chmod 755 ~');
    const other = await machine.script('listener.mjs', '8363');
    await installed('CREDD_CONFIG=~/own.ini');
    t.equal(await says('cat ~/own.ini'), 'port = 8364\nstore = memory');
    t.equal(await says('stat -c %a ~'), '755');
    await other();
    await uninstalled();
  });

  await t.test('a passphrase, and a shell that does not know it', async (t) => {
    await says('umask 077; echo secret > ~/passphrase');
    await installed('CREDD_STORE_PASSPHRASE_FILE=\\~/passphrase HTTPS_PROXY=http://proxy:1');
    const said = await installed();
    t.match(said, /Kept from the service.*CREDD_STORE_PASSPHRASE_FILE=\/home\/ada\/passphrase/);
    t.match(said, /has them no more, because this shell does not: HTTPS_PROXY/);
    t.match(
      await says(`cat ${UNITS}/credd.service`),
      /^LoadCredential=credd-passphrase:\/home\/ada\/passphrase$/m,
    );
    await says('rm ~/passphrase');
    t.match(await installed(), /Beware: the passphrase file .* does not exist/);
    await uninstalled();
    t.notMatch(await installed(), /Kept|no more/);
    await uninstalled();
  });

  await t.test('what a person has set up around the service is named when that goes', async (t) => {
    await says(`mkdir -p ${UNITS}/credd.service.d ~/.config/environment.d
      printf '[Service]\\nEnvironment=PATH=/nonexistent\\n' > ${UNITS}/credd.service.d/override.conf`);
    await installed();
    t.notMatch(
      await says('journalctl --user --unit credd.service'),
      /could not be told/,
      'systemd-notify is found without a PATH',
    );
    await says('credd env deploy --global > ~/.config/environment.d/90-credd.conf');
    const left = await credd('service uninstall');
    t.match(left.stderr, /override\.conf is still there.* rm .*credd\.service\.d\/override\.conf/);
    t.match(left.stderr, /90-credd\.conf still sends the programs .* rm .*90-credd\.conf/);
    await says(`rm -r ${UNITS}/credd.service.d ~/.config/environment.d`);
  });

  await t.test('a daemon that was started by hand goes on, and the commands find it', async (t) => {
    await installed();
    await says(`systemctl --user stop credd.socket credd.service
      node /opt/credd/dist/cli.js serve --port 9000 > ~/log 2>&1 & until grep -q 'credd listens' ~/log; do sleep 0.1; done`);
    t.match(await credd('service status'), { code: 1, stdout: /^Nothing listens.* credd service install$/m });
    t.match(await credd('service install'), {
      code: 1,
      stderr: /started yourself runs at http:\/\/127\.0\.0\.1:9000\. End it/,
    });
    await uninstalled();
    t.match(await says('credd status'), /^credd runs at http:\/\/127\.0\.0\.1:9000/);
    const endpoint = '~/.local/state/credd/endpoint';
    await says(`kill $(cat ~/.local/state/credd/lock); while [ -e ${endpoint} ]; do sleep 0.1; done`);
  });

  await t.test('an install that fails leaves nothing behind', async (t) => {
    await says(`chmod 500 ${UNITS}`);
    t.match(await credd('service install'), {
      code: 1,
      stderr: /^credd: .*EACCES.* sudo chown "\$USER" .*\/systemd\/user/,
    });
    await root(`mount -t tmpfs -o size=4k,mode=777 none /home/ada/${UNITS}`);
    t.match(await credd('service install'), {
      code: 1,
      stderr: /ENOSPC.* Nothing was changed\. The disk is full/,
    });
    t.equal(await units(), '');
    await root(`umount /home/ada/${UNITS}`);
    await says(`chmod 700 ${UNITS}; ln -s /dev/null ${UNITS}/credd.service`);
    t.match(await credd('service install'), { code: 1, stderr: /It is masked.* rm .*credd\.service/ });
    await says(`rm ${UNITS}/credd.service; mkdir ${UNITS}/credd.socket.d
      printf '[Socket]\\nListenStream=127.0.0.1:1\\n' > ${UNITS}/credd.socket.d/test.conf`);
    t.match(await credd('service install'), { code: 1, stderr: /^credd: "systemctl .* failed/m });
    t.equal(await says(`find ${UNITS} -type f -o -type l`), `${UNITS}/credd.socket.d/test.conf`);
    await says(`rm -r ${UNITS}/credd.socket.d`);
    await installed();
    await says(`chmod 500 ${UNITS}`);
    t.match(await credd('service uninstall'), {
      code: 1,
      stderr: /^credd: .*cannot be removed \(EACCES\).* sudo chown/m,
    });
    await says(`chmod 700 ${UNITS}`);
    await installed();
    const before = await says(`cat ${UNITS}/credd.*`);
    await says(`mkdir ${UNITS}/credd.socket.d
      printf '[Socket]\\nListenStream=127.0.0.1:1\\n' > ${UNITS}/credd.socket.d/test.conf`);
    t.match(await machine.sh('CREDD_PORT=8370 credd service install'), { code: 1 });
    t.equal(
      await says(`cat ${UNITS}/credd.s*e ${UNITS}/credd.socket`),
      before,
      'nor does it take away what was there',
    );
    await says(
      `rm -r ${UNITS}/credd.socket.d; systemctl --user daemon-reload; systemctl --user restart credd.socket`,
    );
    await uninstalled();
  });

  await t.test('a service manager with settings of its own', async (t) => {
    await root(`mkdir -p /etc/systemd/system/user@.service.d
      printf '[Service]\\nEnvironment=XDG_CONFIG_HOME=/home/ada/cfg\\n' > /etc/systemd/system/user@.service.d/test.conf
      systemctl daemon-reload; systemctl restart "user@$(id -u ada)"`);
    await installed();
    t.equal(
      await units(),
      '/home/ada/cfg/systemd/user/credd.service\n/home/ada/cfg/systemd/user/credd.socket',
    );
    t.match(await credd('service status'), { code: 0, stdout: /credd\.socket: active/ });
    await uninstalled();
    t.equal(await units(), '');
  });
});
