import t from 'tap';
import { profileOf, profileOfSegment, segmentOf } from '../../src/http/segment.js';

const NAMES = [
  'dev',
  'reply-b.paques',
  'a b',
  'a/b',
  'a+b@c%d',
  'größe',
  '開発',
  '.',
  '..',
  '...',
  '~x',
  'x~',
  'a?b#c',
  '%41',
  '__proto__',
  'x'.repeat(5000),
];

t.test('a segment is of letters that no SDK alters, and leads back to the name', async (t) => {
  for (const name of NAMES) {
    const segment = segmentOf(name);
    t.match(segment, /^[A-Za-z0-9._~-]+$/);
    t.not(segment, '.');
    t.not(segment, '..');
    t.equal(profileOf(`/creds/${segment}`), name);
    t.equal(new URL(`http://127.0.0.1/creds/${segment}`).pathname, `/creds/${segment}`, 'as a URL too');
  }
});

t.test('names that fit stand as they are, the others in base64url', async (t) => {
  t.equal(segmentOf('reply-b.paques'), 'reply-b.paques');
  t.equal(segmentOf('a/b'), '~YS9i');
  t.equal(segmentOf('..'), '~Li4');
  t.equal(segmentOf('~x'), '~fng');
});

t.test('percent-encoding in any spelling', async (t) => {
  for (const [target, name] of [
    ['/creds/a%2fb', 'a/b'],
    ['/creds/a%2Fb', 'a/b'],
    ['/creds/a/b', 'a/b'],
    ['/creds/a+b', 'a+b'],
    ['/creds/a%2Bb', 'a+b'],
    ['/creds/a%20b', 'a b'],
    ['/creds/a%2520b', 'a%20b'],
    ['/creds/%C3%A9', 'é'],
    ['/creds/%c3%a9', 'é'],
    ['/creds/%64ev', 'dev'],
    ['/creds/%7EYS9i', 'a/b'],
    ['/creds/..', '..'],
    ['/creds/%2e%2E', '..'],
    ['/creds/dev?x=1', 'dev'],
    ['/creds/a%3Fb?c', 'a?b'],
    ['/creds/~YS9i==', 'a/b'],
  ] as const)
    t.equal(profileOf(target), name, target);
});

t.test('what is no name', async (t) => {
  for (const target of [
    '/creds/',
    '/creds',
    '/creds/?dev',
    '/creds/~',
    '/creds/%',
    '/creds/%zz',
    '/creds/%C3',
    '/creds/~YS9i!',
    '/creds/~_w',
    '/creds/~Y',
    '//creds/dev',
    '/CREDS/dev',
    'http://127.0.0.1/creds/dev',
  ])
    t.equal(profileOf(target), undefined, target);
  t.equal(profileOfSegment(''), undefined);
});
