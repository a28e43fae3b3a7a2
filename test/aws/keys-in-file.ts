import t from 'tap';
import { putKeysBack, takeKeysOut } from '../../src/aws/keys-in-file.js';

const where = { path: '/home/ada/.aws/credentials', kind: 'credentials', profile: 'dev' } as const;

const FILES: Record<string, string> = {
  plain: '[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s3cret\n',
  'CRLF, comments, odd spacing and neighbours':
    '\uFEFF# mine\r\n\r\n[other]\r\naws_access_key_id=AKIAOTHER\r\naws_secret_access_key=o\r\n\r\n [dev]  # here\r\n; a note\r\n\taws_access_key_id\t=  AKIADEV   # id\r\nregion = eu-west-1\r\nAWS_SECRET_ACCESS_KEY: s3cret/+=\r\n\r\n[last]\r\naws_access_key_id = AKIALAST\r\naws_secret_access_key = l',
  'no newline at the end': '[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s3cret',
  'the secret first, in the middle of others':
    '[a]\nx = y\n[dev]\nregion = x\naws_secret_access_key = s\n\n# between\naws_access_key_id = AKIADEV\noutput = json\n[b]\n',
  'mixed line ends and bytes that are no UTF-8':
    '[dev]\raws_access_key_id = A\r\naws_secret_access_key = s\n# caf\xe9\n',
};

for (const [name, text] of Object.entries(FILES)) {
  t.test(`takes two lines and gives them back: ${name}`, async (t) => {
    const bytes = Buffer.from(text, name.endsWith('UTF-8') ? 'latin1' : 'utf8');
    const { rest, removal } = takeKeysOut(bytes, where);
    const lines = (file: Buffer) => file.toString('latin1').split(/(?<=\r\n|\n|\r(?!\n))/);
    const gone = lines(bytes).filter((line) => !lines(rest).includes(line));
    t.equal(gone.length, 2);
    t.ok(gone.every((line) => /aws_(access_key_id|secret_access_key)/i.test(line)));
    t.same(
      lines(rest),
      lines(bytes).filter((line) => !gone.includes(line)),
    );
    t.ok(putKeysBack(rest, removal, 'dev').equals(bytes), 'byte for byte');
  });
}

t.test('what becomes of other profiles meanwhile does not matter', async (t) => {
  const file =
    '[third]\r\naws_access_key_id = T\r\noutput = x\naws_secret_access_key = t\r\n\n[dev]\naws_access_key_id = A\n; a note\naws_secret_access_key = s';
  const third = takeKeysOut(Buffer.from(file), { ...where, profile: 'third' });
  const dev = takeKeysOut(third.rest, where);
  const orders = [
    { first: third, name: 'third', last: dev, lastName: 'dev' },
    { first: dev, name: 'dev', last: third, lastName: 'third' },
  ];
  for (const { first, name, last, lastName } of orders) {
    const half = putKeysBack(dev.rest, first.removal, name);
    t.equal(putKeysBack(half, last.removal, lastName).toString(), file);
  }
  const grown = Buffer.concat([dev.rest, Buffer.from('[new]\nregion = x')]);
  t.equal(
    putKeysBack(grown, dev.removal, 'dev').toString(),
    `${dev.rest.toString().replace('; a note\n', 'aws_access_key_id = A\n; a note\naws_secret_access_key = s\n')}[new]\nregion = x`,
  );
});

t.test('a section of two parts', async (t) => {
  const file =
    '[dev]\nregion = x\naws_access_key_id = A\n[b]\n[dev]\naws_secret_access_key = s\noutput = y\n';
  const { rest, removal } = takeKeysOut(Buffer.from(file), where);
  t.equal(putKeysBack(rest, removal, 'dev').toString(), file);
});

t.test('into a file that has changed the lines go below the header', async (t) => {
  const { removal } = takeKeysOut(Buffer.from(FILES['no newline at the end'] ?? ''), where);
  const changed = Buffer.from('[new]\nregion = x\n[dev]\noutput = json\n');
  t.equal(
    putKeysBack(changed, removal, 'dev').toString(),
    '[new]\nregion = x\n[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s3cret\noutput = json\n',
  );
  t.equal(
    putKeysBack(Buffer.from('[dev]'), removal, 'dev').toString(),
    '[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s3cret\n',
  );
  t.throws(() => putKeysBack(Buffer.from('[new]\n'), removal, 'dev'), { code: 'SectionGone' });
});

t.test('what cannot be moved without changing something else is refused', async (t) => {
  for (const text of [
    '[DEFAULT]\naws_access_key_id = A\naws_secret_access_key = s\n[dev]\n',
    '[dev]\naws_access_key_id = A\naws_secret_access_key = s\n  continued = x\n  more\n[b]\nx = y\n',
    'aws_access_key_id = A\naws_secret_access_key = s\n',
    '[dev]\naws_access_key_id = A\naws_secret_access_key = s\naws_access_key_id = B\naws_secret_access_key = r\n',
    '[dev]\naws_access_key_id = A\naws_secret_access_key = s\naws_secret_access_key = r\n',
    '[DEFAULT]\naws_secret_access_key = s\n[dev]\naws_access_key_id = A\naws_access_key_id = B\n',
  ]) {
    const taken = () => takeKeysOut(Buffer.from(text), where);
    if (text.includes('continued')) {
      t.same(taken().rest.toString(), '[dev]\n  continued = x\n  more\n[b]\nx = y\n');
    } else t.throws(taken, { code: 'KeysNotMovable' });
  }
});
