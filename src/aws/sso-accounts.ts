import type { Clock } from '../system/clock.js';
import { awsError } from './aws-error.js';
import type { AwsClients } from './clients.js';
import type { SsoSignIn } from './sso-sign-in.js';

/** An account that the signed-in person may use, and the roles that she has there. */
export interface Account {
  accountId: string;
  name?: string;
  email?: string;
  roles: string[];
}

/** The portal allows few calls a second: the roles of so many accounts are asked for at once. */
const AT_ONCE = 4;
const WAITS = [1000, 2000, 4000, 8000];

/** Every account and role of the sign-in, by account id. */
export async function listAccounts(
  signIn: SsoSignIn,
  accessToken: string,
  { clients, clock }: { clients: AwsClients; clock: Clock },
): Promise<Account[]> {
  const { ListAccountsCommand, ListAccountRolesCommand } = await import('@aws-sdk/client-sso');
  const client = await clients.sso(signIn.portal);

  /** Asked too often, it waits and asks again: only so many times. */
  async function patiently<T>(doing: string, send: () => Promise<T>): Promise<T> {
    for (const wait of [...WAITS, undefined]) {
      try {
        return await send();
      } catch (error) {
        const tooOften = (error as Error).name === 'TooManyRequestsException';
        if (!tooOften || wait === undefined)
          throw awsError(error, signIn.key, doing, `Sign-in to ${signIn.key}`);
        await new Promise<void>((resolve) => clock.after(wait, resolve));
      }
    }
    throw new TypeError('the last attempt has an outcome');
  }

  const accounts: Account[] = [];
  let nextToken: string | undefined;
  do {
    const page = await patiently('ListAccounts', () =>
      client.send(new ListAccountsCommand({ accessToken, nextToken, maxResults: 100 })),
    );
    for (const { accountId, accountName, emailAddress } of page.accountList ?? []) {
      if (!accountId) continue;
      const name = accountName ? { name: accountName } : {};
      accounts.push({ accountId, ...name, ...(emailAddress ? { email: emailAddress } : {}), roles: [] });
    }
    nextToken = page.nextToken;
  } while (nextToken);

  async function findRoles(account: Account): Promise<void> {
    const { accountId } = account;
    let nextToken: string | undefined;
    do {
      const page = await patiently('ListAccountRoles', () =>
        client.send(new ListAccountRolesCommand({ accessToken, accountId, nextToken, maxResults: 100 })),
      );
      account.roles.push(...(page.roleList ?? []).flatMap(({ roleName }) => roleName ?? []));
      nextToken = page.nextToken;
    } while (nextToken);
    account.roles.sort();
  }

  const waiting = [...accounts];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await findRoles(next);
    }),
  );
  return accounts.sort((a, b) => a.accountId.localeCompare(b.accountId));
}

/** Ends the sign-in at Identity Center itself; one that has ended already is no error. */
export async function signOut(signIn: SsoSignIn, accessToken: string, clients: AwsClients): Promise<void> {
  const { LogoutCommand } = await import('@aws-sdk/client-sso');
  try {
    const client = await clients.sso(signIn.portal);
    await client.send(new LogoutCommand({ accessToken }));
  } catch (error) {
    if ((error as Error).name === 'UnauthorizedException') return;
    throw awsError(error, signIn.key, 'Logout', `Sign-in to ${signIn.key}`);
  }
}
