import t from 'tap';
import { proxyChoice } from '../../src/aws/proxy.js';

t.test('each scheme has its proxy, lower case first', async (t) => {
  t.equal(proxyChoice({ NO_PROXY: '*' }), undefined);
  const choice = proxyChoice({
    HTTPS_PROXY: 'http://upper:1',
    https_proxy: 'http://lower:1',
    ALL_PROXY: 'socks5://all:1',
  });
  t.equal(choice?.('https://sts.amazonaws.com/'), 'http://lower:1');
  t.equal(choice?.('http://127.0.0.1:4566/'), 'socks5://all:1');
  t.equal(
    proxyChoice({ HTTPS_PROXY: 'proxy:3128' })?.('https://a/'),
    'http://proxy:3128',
    'a bare host and port',
  );
  t.equal(proxyChoice({ HTTPS_PROXY: 'proxy:3128' })?.('http://a/'), '');
});

t.test('NO_PROXY', async (t) => {
  const goesStraight = (exceptions: string, url: string) =>
    proxyChoice({ ALL_PROXY: 'http://proxy:1', NO_PROXY: exceptions })?.(url) === '';
  for (const [exceptions, url] of [
    ['example.com', 'https://example.com/'],
    ['example.com', 'https://sts.example.com/'],
    ['.example.com', 'https://sts.example.com/'],
    ['*.Example.com', 'https://sts.example.com/'],
    ['a, example.com', 'https://example.com/'],
    ['example.com:443', 'https://example.com/'],
    ['[::1]', 'http://[::1]:4566/'],
    ['127.0.0.1:4566', 'http://127.0.0.1:4566/'],
    ['*', 'https://anything/'],
  ] as const) {
    t.ok(goesStraight(exceptions, url), `${exceptions} covers ${url}`);
  }
  for (const [exceptions, url] of [
    ['example.com', 'https://notexample.com/'],
    ['example.com:80', 'https://example.com/'],
    ['', 'https://example.com/'],
    [', ,', 'https://example.com/'],
  ] as const) {
    t.notOk(goesStraight(exceptions, url), `${exceptions} does not cover ${url}`);
  }
});
