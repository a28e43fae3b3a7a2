import t from 'tap';
import { missing as noKeyring } from '../support/keyring.js';
import { bootMachine, missing } from '../support/systemd/machine.js';

const URL = 'http://127.0.0.1:8363/creds';
/** As a login on the desktop leaves it, with the password that was typed there. */
const UNLOCKED_KEYRING = `systemctl --user stop gnome-keyring-daemon.socket gnome-keyring-daemon.service;
  while pkill gnome-keyring; do :; done;
  export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus;
  printf password | gnome-keyring-daemon --unlock --components=secrets`;
const LOCK =
  `export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus; dbus-send --session --print-reply
  --dest=org.freedesktop.secrets /org/freedesktop/secrets org.freedesktop.Secret.Service.Lock
  array:objpath:/org/freedesktop/secrets/collection/login`.replaceAll('\n', '');

t.test(
  'what the service has of the session of an ordinary user',
  { skip: missing, timeout: 240_000 },
  async (t) => {
    const { says, sh, root, calls, credd, script } = await bootMachine(t);
    await script('aws.mjs');
    const answer = (profile: string) => says(`curl -s ${URL}/${profile}`);
    const restart = () => says('systemctl --user restart credd.service');
    const restarts = () => says('systemctl --user show credd.service --property NRestarts --value');
    const SUCCESS = /"Code":"Success"/;

    await t.test('the passphrase of the encrypted store comes through LoadCredential', async (t) => {
      await says('umask 077; head -c 32 /dev/urandom | base64 > ~/passphrase');
      const install = 'CREDD_STORE=file CREDD_STORE_PASSPHRASE_FILE=~/passphrase credd service install';
      t.match(await says(`${install} 2>&1`), /Store: sessions are kept, encrypted, in/);
      t.match(
        await says('cat ~/.config/systemd/user/credd.service'),
        /^LoadCredential=credd-passphrase:\/home\/ada\/passphrase$/m,
      );
      t.match(await answer('deploy'), SUCCESS);
      t.strictSame(await calls(), ['AssumeRole ok']);
      await restart();
      t.match(await answer('deploy'), SUCCESS);
      t.strictSame(await calls(), [], 'a restart serves from the store');
      t.equal((await sh('grep -r ASIA ~/.local/state/credd')).code, 1, 'where nothing can be read');
    });

    await t.test("the keychain of the person's session", { skip: noKeyring }, async (t) => {
      await says('credd service uninstall');
      await says(UNLOCKED_KEYRING);
      t.match(await says('credd service install 2>&1'), /Store: sessions are kept in the keychain/);
      t.match(await answer('deploy'), SUCCESS);
      t.strictSame(await calls(), ['AssumeRole ok']);
      await restart();
      t.match(await answer('deploy'), SUCCESS);
      t.strictSame(await calls(), [], 'a restart serves from the keychain');

      await says(LOCK);
      t.match(await answer('deploy'), SUCCESS, 'what is in memory is served');
      await restart();
      t.match(await answer('deploy'), SUCCESS, 'and with the keychain locked, from AWS');
      t.strictSame(await calls(), ['AssumeRole ok']);
      t.match(await says('credd status'), /Store: the keychain cannot be used: it is locked; .* in memory/);
      t.equal(await restarts(), '0', 'nothing has crashed');
      await says(UNLOCKED_KEYRING);
      await restart();
      t.match(await answer('deploy'), SUCCESS);
      t.strictSame(await calls(), [], 'unlocked, it still has what was stored');
    });

    await t.test('signing in by a code', async (t) => {
      t.match(await answer('corp'), /"code":"SsoLoginRequired"/);
      const { code, stderr } = await credd('login corp --device');
      t.equal(code, 0, stderr);
      t.match(stderr, /confirm this code: \w{4}-\w{4}/);
      t.match(await answer('corp'), SUCCESS);
      t.match(await calls(), ['RegisterClient ok', 'StartDeviceAuthorization ok', 'CreateToken ok']);
      await restart();
      t.match(await says('credd status'), /^corp +signed in /m);
      t.match(await says('credd refresh corp 2>&1'), /has a new session/, 'and it outlasts a restart');
    });

    await t.test('programs of profiles: on the PATH of the shell, and setgid', async (t) => {
      const session = JSON.stringify({
        Version: 1,
        AccessKeyId: 'ASIAHELPER',
        SecretAccessKey: 'x',
        SessionToken: 'x',
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      });
      await root(`groupadd keepers; printf '%s' '${session}' > /etc/kept; chgrp keepers /etc/kept; chmod 640 /etc/kept
        cp /usr/bin/cat /usr/local/bin/keeper; chgrp keepers /usr/local/bin/keeper; chmod g+s /usr/local/bin/keeper`);
      await says(`mkdir -p ~/bin; printf '#!/bin/sh\\nexec keeper /etc/kept\\n' > ~/bin/my-helper; chmod +x ~/bin/my-helper
        printf '\\n[profile helped]\\ncredential_process = my-helper\\n' >> ~/.aws/config
        PATH=~/bin:$PATH:/usr/local/bin credd service install`);
      t.match(await answer('helped'), /"AccessKeyId":"ASIAHELPER"/);
      t.equal((await sh('cat /etc/kept')).code, 1, 'which the person could not have read');
    });

    await t.test('hardening: a program of a profile cannot leave a core dump with secrets', async (t) => {
      await says(
        `printf '\\n[profile dumper]\\ncredential_process = sh -c "ulimit -c unlimited && my-helper"\\n' >> ~/.aws/config`,
      );
      await restart();
      t.match(await answer('dumper'), /CredentialProcessFailed.*ulimit/);
    });

    await t.test('only the person is served', async (t) => {
      await root('useradd bob');
      t.match(
        await root(`runuser -u bob -- curl -s -o /dev/null -w '%{http_code}' ${URL}/user`),
        /^40[13]$/,
        'another user is not',
      );
      t.match(await answer('user'), SUCCESS);
    });
  },
);
