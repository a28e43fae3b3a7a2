import t from 'tap';
import { MemoryStore } from '../../src/system/memory-store.js';

t.test('keeps what it is given, and forgets it', async (t) => {
  const store = new MemoryStore();
  await store.set('a', 'first');
  await store.set('a', 'second');
  await store.set('b', 'other');
  t.equal(await store.get('a'), 'second');
  t.equal(await store.get('never'), undefined);
  t.same(await store.keys(), ['a', 'b']);
  await store.delete('a');
  t.same(await store.keys(), ['b']);
  await store.close();
  t.same(await store.keys(), []);
});
