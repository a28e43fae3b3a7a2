import t from 'tap';
import { nearest } from '../../src/aws/nearest.js';

const KNOWN = ['prod', 'preprod', 'dev', 'audit', 'reply-b.paques', 'Wellcome-Trust', 'ünïcödé'];
const cases: [typed: string, meant: string | undefined][] = [
  ['prdo', 'prod'],
  ['prods', 'prod'],
  ['pro', 'prod'],
  ['PROD', 'prod'],
  ['adit', 'audit'],
  ['audti', 'audit'],
  ['preprdo', 'preprod'],
  ['reply-b.paque', 'reply-b.paques'],
  ['reply.b-paques', 'reply-b.paques'],
  ['wellcome', 'Wellcome-Trust'],
  ['unicode', undefined],
  ['ünicödé', 'ünïcödé'],
  ['nope', undefined],
  ['x', undefined],
  ['', undefined],
  ['p', undefined],
  ['staging', undefined],
];
for (const [typed, meant] of cases) {
  t.test(`${JSON.stringify(typed)}: ${meant}`, async (t) => {
    t.equal(nearest(typed, KNOWN), meant);
  });
}

t.test('the nearest of several, and nothing among none', async (t) => {
  t.equal(nearest('devs', ['dove', 'dev', 'deva']), 'dev');
  t.equal(nearest('dev', []), undefined);
});
