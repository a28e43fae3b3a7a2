/** A process that writes many secrets into a file store that others write to as well. */
import { FileStore } from '../../src/system/file-store.js';

const [folder = '', name = ''] = process.argv.slice(2);
const store = new FileStore({ folder, passphrase: Buffer.from('passphrase'), log: () => {} });
for (let count = 0; count < 40; count++) {
  await store.set('shared', name.repeat(3000));
  await store.set(`${name}-${count}`, `${name} ${count}`);
}
