import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomBytes,
  scrypt,
} from 'node:crypto';

const CIPHER = 'aes-256-gcm';
/** Begins every sealed text, so that another file, or a later format, is not taken for one. */
const MAGIC = Buffer.from('credd1\n');
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const HEAD_LENGTH = MAGIC.length + NONCE_LENGTH + TAG_LENGTH;
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };

/** Stretches a passphrase into a key, off the event loop (about 0.1 s and 32 MB). */
export function deriveKey(passphrase: Uint8Array, salt: Uint8Array): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, SCRYPT, (error, key) =>
      error ? reject(error) : resolve(createSecretKey(key)),
    );
  });
}

/** Encrypts `text` and binds it to `name`: it opens under no other name. */
export function seal(key: KeyObject, name: string, text: string): Buffer {
  const nonce = randomBytes(NONCE_LENGTH);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(name));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([MAGIC, nonce, cipher.getAuthTag(), sealed]);
}

/** The text, or undefined when this was not sealed under this key and name, or was changed since. */
export function unseal(key: KeyObject, name: string, sealed: Buffer): string | undefined {
  if (sealed.length < HEAD_LENGTH || !sealed.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const nonce = sealed.subarray(MAGIC.length, MAGIC.length + NONCE_LENGTH);
  const tag = sealed.subarray(MAGIC.length + NONCE_LENGTH, HEAD_LENGTH);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH });
  decipher.setAAD(Buffer.from(name)).setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(sealed.subarray(HEAD_LENGTH)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
