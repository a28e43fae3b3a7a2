import { createRequire } from 'node:module';
import type { KeychainFailure } from './keychain-failure.js';

/**
 * The process that talks to the operating system's keychain, one request at a time: a Secret Service that does
 * not answer blocks the thread pool of whoever asks it, so that must not be the daemon. It loads nothing but keytar.
 */
export interface KeychainRequest {
  verb: 'probe' | 'get' | 'set' | 'delete' | 'keys';
  service: string;
  key: string;
  value: string;
}

export type KeychainValue = string | string[] | undefined;

export interface KeychainReply {
  value?: KeychainValue;
  error?: KeychainFailure;
}

/** keytar is optional: this file must compile without it, so its type is said here. */
interface Keytar {
  getPassword(service: string, account: string): Promise<string | null>;
  setPassword(service: string, account: string, password: string): Promise<void>;
  deletePassword(service: string, account: string): Promise<boolean>;
  findCredentials(service: string): Promise<{ account: string }[]>;
}

/** An item that holds no secret: where it can be read, the keychain is there and open. */
const MARKER = 'credd-check';

const require = createRequire(import.meta.url);

async function answer({ verb, service, key, value }: KeychainRequest): Promise<KeychainValue> {
  const keytar: Keytar = require('keytar');
  switch (verb) {
    case 'get':
      return (await keytar.getPassword(service, key)) ?? undefined;
    case 'set':
      await keytar.setPassword(service, key, value);
      return;
    case 'delete':
      await keytar.deletePassword(service, key);
      return;
    case 'probe':
      await proveOpen(keytar, service);
      return;
    case 'keys': {
      await proveOpen(keytar, service); // keytar crashes when it lists what is locked
      const items = await keytar.findCredentials(service);
      return items.map(({ account }) => account).filter((account) => account !== MARKER);
    }
  }
}

/** A keychain that is locked, or not set up, answers reads with "no such item" and fails only at writes. */
async function proveOpen(keytar: Keytar, service: string): Promise<void> {
  const found = await keytar.getPassword(service, MARKER);
  if (found === null)
    await keytar.setPassword(service, MARKER, 'no secret: credd sees by it that the keychain is open');
}

async function reply(request: KeychainRequest): Promise<KeychainReply> {
  try {
    return { value: await answer(request) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { error: { code, message } };
  }
}

process.on('message', async (request: KeychainRequest) => process.send?.(await reply(request)));
process.send?.({} satisfies KeychainReply); // started
// A thread that waits for the keychain would hold up an orderly exit.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// What a terminal or a service manager sends to everybody is for the parent, which this process ends with. GLib
// raises SIGTERM when D-Bus goes away, and SIGUSR1 would open Node's inspector.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const)
  process.on(signal, () => {});
