import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import t from 'tap';
import { run } from '../support/cli.js';
import { EVE, KEYS, ready, typed, USER } from '../support/own-keys.js';
import { noTerminal, onTerminal } from '../support/terminal.js';

/** Without a device, so that the first call does. */
const OTHER = { ...EVE, mfaSerial: undefined };
const ODD = `# mine\r\n\r\n[other]\r\naws_access_key_id=AKIAOTHER\r\naws_secret_access_key=x\r\n\r\n[dev]  # here\r\n  ; a note\r\naws_access_key_id\t=  ${USER.accessKeyId}\r\nregion = eu-west-1\r\naws_secret_access_key: ${USER.secretAccessKey}\r\n[last]\r\nregion=x`;

t.test('keys import takes exactly two lines out, and --undo gives the file back', async (t) => {
  const own = await ready(t);
  const real = own.path('dotfiles-credentials');
  writeFileSync(own.credentials, ODD);
  renameSync(own.credentials, real);
  symlinkSync(real, own.credentials);
  chmodSync(real, 0o640);
  writeFileSync(own.path('before'), ODD);
  t.match(await own.credd(['keys', 'import', 'dev']), {
    code: 0,
    stderr: /user\/ada are in the encrypted store, and no longer in .*--undo dev/,
  });
  const { stdout: diff } = await run(t, ['diff', own.path('before'), real], { env: own.env }).ended;
  t.match(diff, /^9d8\n< aws_access_key_id[^\n]*\n11d9\n< aws_secret_access_key: [^\n]*\n$/);
  t.ok(lstatSync(own.credentials).isSymbolicLink());
  t.equal(statSync(real).mode & 0o777, 0o640);
  t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: /user\/ada/ });
  t.match(await own.credd(['keys', 'list']), { stdout: /^dev +AKIA…AADA +imported \d+ s ago$/m });
  t.match(await own.credd(['keys', 'import', 'dev']), {
    code: 1,
    stderr: /has no keys in .* Those that are kept \(AKIA…AADA\) serve it\.\n$/,
  });

  t.match(await own.credd(['keys', 'import', '--undo', 'dev']), { code: 0, stderr: /are back in/ });
  t.equal(readFileSync(own.credentials, 'utf8'), ODD);
  t.ok(lstatSync(own.credentials).isSymbolicLink());
  t.equal(statSync(real).mode & 0o777, 0o640);
  t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });
  t.match(await own.credd(['keys', 'import', '--undo', 'dev']), {
    code: 1,
    stderr: /No keys of "dev" are kept: there is nothing to put back/,
  });
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 }, 'and once more');
  t.match(await own.credd(['keys', 'import', '--undo', 'dev']), { code: 0 });
  t.equal(readFileSync(own.credentials, 'utf8'), ODD);
  t.same(
    readdirSync(own.home).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

t.test('keys import that cannot be done changes nothing', async (t) => {
  const own = await ready(t);
  const cases = [
    [`[dev]\naws_access_key_id = ${USER.accessKeyId}\naws_secret_access_key = mistyped\n`, /does not belong/],
    [`[dev]\n${KEYS}aws_session_token = x\n`, /they are temporary/],
    [`[DEFAULT]\n${KEYS}[dev]\n`, /two lines of its own section/],
    ['[dev]\nregion = x\n', /has no keys in/],
  ] as const;
  for (const [text, stderr] of cases) {
    writeFileSync(own.credentials, text);
    t.match(await own.credd(['keys', 'import', 'dev']), { code: 1, stderr });
    t.equal(readFileSync(own.credentials, 'utf8'), text);
    t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });
  }
  t.match(await own.credd(['keys', 'add', 'app'], typed()), { code: 0 });
  t.match(await own.credd(['keys', 'import', '--undo', 'app']), {
    code: 1,
    stderr: /nothing to put back\. .*: credd exec app --no-session -- env \| grep \^AWS_\n$/,
  });
});

t.test('a file that another program changes meanwhile stays as that wrote it', async (t) => {
  const own = await ready(t);
  writeFileSync(own.credentials, ODD);
  own.aws.faults.set('GetCallerIdentity', { kind: 'hang' });
  const importing = own.start(['keys', 'import', 'dev']);
  while (own.aws.count('GetCallerIdentity') === 0) await new Promise((done) => setImmediate(done));
  const theirs = `${ODD}\r\noutput=json\r\n`;
  writeFileSync(own.credentials, theirs);
  own.aws.faults.clear();
  t.match(await importing.ended, { code: 1, stderr: /changed by another program just now.*Try again/ });
  t.equal(readFileSync(own.credentials, 'utf8'), theirs);
  t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
  t.match(await own.credd(['keys', 'import', '--undo', 'dev']), { code: 0 });
  t.equal(readFileSync(own.credentials, 'utf8'), theirs);
});

t.test('undo into a file that was edited since', async (t) => {
  const own = await ready(t);
  writeFileSync(own.credentials, ODD);
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
  const rest = readFileSync(own.credentials, 'utf8');
  const undo = () => own.credd(['keys', 'import', '--undo', 'dev']);

  const again = rest.replace('[dev]  # here\r\n', '[dev]  # here\r\naws_access_key_id = AKIANEW\r\n');
  for (const [now, stderr] of [
    [again, /has keys of "dev" again: remove them there/],
    [rest.replace('[dev]', '[gone]'), /has no section for "dev" any more/],
    [undefined, /is not there any more: make it again/],
  ] as const) {
    if (now === undefined) rmSync(own.credentials);
    else writeFileSync(own.credentials, now);
    t.match(await undo(), { code: 1, stderr });
    if (now !== undefined) t.equal(readFileSync(own.credentials, 'utf8'), now);
    t.match(await own.credd(['keys', 'list']), { stdout: /^dev/m }, 'the keys stay where they are');
  }

  writeFileSync(own.credentials, `# a new first line\r\n${rest}`);
  t.match(await undo(), { code: 0 });
  t.equal(readFileSync(own.credentials, 'utf8'), `# a new first line\r\n${ODD}`, 'where they were');
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
  const edited = rest.replace('  ; a note', '  ; another note');
  writeFileSync(own.credentials, `# a new first line\r\n${edited}`);
  t.match(await undo(), { code: 0 });
  t.equal(
    readFileSync(own.credentials, 'utf8'),
    `# a new first line\r\n${edited.replace('[dev]  # here\r\n', `[dev]  # here\r\naws_access_key_id\t=  ${USER.accessKeyId}\r\naws_secret_access_key: ${USER.secretAccessKey}\r\n`)}`,
  );
  t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: /user\/ada/ });
});

t.test('keys that are kept already are not lost to an import', async (t) => {
  const own = await ready(t);
  t.match(await own.credd(['keys', 'add', 'dev'], typed(OTHER)), { code: 0 });
  writeFileSync(own.credentials, `[dev]\n${KEYS}`);
  t.match(await own.credd(['keys', 'import', 'dev']), {
    code: 1,
    stderr:
      /Other keys of "dev" are kept already \(AKIA…EEVE\).*credd keys remove dev, then: credd keys import dev/,
  });
  t.equal(readFileSync(own.credentials, 'utf8'), `[dev]\n${KEYS}`);
  t.match(await own.credd(['keys', 'list']), { stdout: /AKIA…EEVE/ });

  t.match(await own.credd(['keys', 'remove', 'dev']), { code: 0 });
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
  // As from a backup.
  writeFileSync(own.credentials, `[dev]\n${KEYS}# restored\n`);
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
  t.equal(readFileSync(own.credentials, 'utf8'), '[dev]\n# restored\n');
  t.match(await own.credd(['keys', 'import', '--undo', 'dev']), { code: 0 });
  t.equal(readFileSync(own.credentials, 'utf8'), `[dev]\n${KEYS}# restored\n`);
});

t.test('profiles are given back in any order', async (t) => {
  const own = await ready(t);
  const text = `[third]\r\n${KEYS}\n[dev]\nregion = x\n${KEYS.trimEnd()}`;
  writeFileSync(own.credentials, text);
  for (const profile of ['third', 'dev'])
    t.match(await own.credd(['keys', 'import', profile]), { code: 0, stderr: /no longer in/ });
  for (const profile of ['third', 'dev'])
    t.match(await own.credd(['keys', 'import', '--undo', profile]), { code: 0, stderr: /are back in/ });
  t.equal(readFileSync(own.credentials, 'utf8'), text);
});

t.test('keys in both files are not moved', async (t) => {
  const own = await ready(t);
  const config = readFileSync(own.path('.aws', 'config'), 'utf8');
  const both = config.replace('[profile dev]\n', `[profile dev]\n${KEYS}`);
  own.profiles(both, `[dev]\n${KEYS}`);
  t.match(await own.credd(['keys', 'import', 'dev']), {
    code: 1,
    stderr: /has keys in two files: those in \S+credentials are used, those in \S+config are not\. Remove/,
  });
  t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });

  own.profiles(config, `[dev]\n${KEYS}`);
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
  own.profiles(both, '[dev]\n');
  t.match(await own.credd(['keys', 'import', 'dev']), {
    code: 1,
    stderr: /are kept already, and came from \S+credentials: remove them from \S+config by hand/,
  });
  t.equal(readFileSync(own.path('.aws', 'config'), 'utf8'), both);
  own.profiles(config, '[dev]\n');
  t.match(await own.credd(['keys', 'import', '--undo', 'dev']), { code: 0 });
  t.equal(readFileSync(own.credentials, 'utf8'), `[dev]\n${KEYS}`);
});

t.test('Ctrl-C in an import says where the keys are', async (t) => {
  const own = await ready(t);
  writeFileSync(own.credentials, ODD);
  own.aws.faults.set('GetCallerIdentity', { kind: 'hang' });
  const importing = own.start(['keys', 'import', 'dev']);
  while (own.aws.count('GetCallerIdentity') === 0) await new Promise((done) => setImmediate(done));
  importing.process.kill('SIGINT');
  t.match(await importing.ended, {
    code: 130,
    stderr: /^credd: The keys of "dev" are in the file as before\. If credd keys list names them too/,
  });
  own.aws.faults.clear();
  t.equal(readFileSync(own.credentials, 'utf8'), ODD);
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
  t.match(await own.credd(['keys', 'import', '--undo', 'dev']), { code: 0 });
  t.equal(readFileSync(own.credentials, 'utf8'), ODD);
});

t.test('who removes imported keys is told that they are nowhere else', async (t) => {
  const own = await ready(t);
  writeFileSync(own.credentials, `[dev]\n${KEYS}`);
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
  t.match(await own.credd(['keys', 'remove', 'dev']), {
    code: 0,
    stderr: /no longer kept\..* Nor are they in \S+credentials, .* credd keys import --undo dev\.\n$/,
  });
  t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });
});

t.test('and asked first, on a terminal', { skip: noTerminal }, async (t) => {
  const own = await ready(t);
  writeFileSync(own.credentials, `[dev]\n${KEYS}`);
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
  const kept = onTerminal(t, own, ['keys', 'remove', 'dev']);
  await kept.answer(/nowhere else\. .*keys import --undo dev\s+Remove them for good\? \[y\/N\] /, '');
  t.match(await kept.ended, { code: 0, stdout: /Nothing was changed/ });
  t.match(await own.credd(['keys', 'list']), { stdout: /^dev/m });
  const removed = onTerminal(t, own, ['keys', 'remove', 'dev']);
  await removed.answer(/Remove them for good\? \[y\/N\] /, 'y');
  t.match(await removed.ended, { code: 0, stdout: /no longer kept/ });
  t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });
});
