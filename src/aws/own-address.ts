import { isIP } from 'node:net';
import { CredentialError } from '../errors.js';
import type { AwsClients } from './clients.js';
import type { OwnAddress } from './narrowing.js';

/** AWS's own: it answers with the address that it sees, and nothing else. */
export const ADDRESS_URL = 'https://checkip.amazonaws.com';

/** Asks `url` from where AWS is called, so that a proxy's address is found where there is one. */
export function createOwnAddress(url: string, clients: AwsClients): OwnAddress {
  return async (profile) => {
    const address = (
      await clients.text(url).catch((error) => Promise.reject(unknown(profile, url, error)))
    ).trim();
    const family = isIP(address);
    if (family === 0) throw unknown(profile, url, new Error('its answer is not an address'));
    return `${address}/${family === 4 ? 32 : 128}`;
  };
}

function unknown(profile: string, url: string, cause: Error): CredentialError {
  return new CredentialError(
    'AddressUnknown',
    503,
    `Profile "${profile}": ${url} did not say which address this machine has (${cause.message}). Try again, or give its address instead of auto, or set another address_url.`,
    { cause },
  );
}
