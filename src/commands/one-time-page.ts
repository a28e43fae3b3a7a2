import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSameUser } from '../access/same-user.js';
import { systemClock } from '../system/clock.js';
import { createPeerLookup } from '../system/peer.js';

const PATIENCE = 60_000;

export interface OneTimePage {
  url: string;
  /** Whether the browser came for it. */
  fetched: Promise<boolean>;
  close(): void;
}

/**
 * A loopback address that leads the person's own browser to `target`, once: a program's arguments can be read by
 * every user of the machine, so a URL that is a secret is not given to the browser as one.
 */
export async function oneTimePage(target: string): Promise<OneTimePage> {
  const path = `/${randomBytes(24).toString('base64url')}`;
  const sameUser = createSameUser({ uid: process.getuid?.() ?? -1, lookup: createPeerLookup(systemClock) });
  let settle: (came: boolean) => void = () => {};
  const fetched = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  let used = false;
  const server = createServer(async ({ method, url, socket }, response) => {
    const good = method === 'GET' && url === path && !used && (await sameUser.isOwner(socket)) && !used;
    if (!good) return void response.writeHead(404).end();
    used = true;
    response.writeHead(302, {
      location: target,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
    response.end(() => settle(true));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const cancel = systemClock.after(PATIENCE, () => settle(false));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    fetched,
    close() {
      cancel();
      server.close();
      server.closeAllConnections();
    },
  };
}
