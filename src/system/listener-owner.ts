import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { PeerLookup } from './peer.js';

/**
 * Until the listener has accepted a connection nobody owns its end. A busy one takes its time, and a service that is
 * just starting takes more.
 */
const PATIENCE = 10_000;

export interface OwnListener {
  /** Our own uid. A root's daemon is nobody's but root's. */
  readonly uid: number;
  readonly lookup: PeerLookup;
}

/** Whether whoever has accepted this connection of ours is our own user; false if not proven, after ten seconds where it never accepts. */
export async function ownsListener(socket: Socket, { uid, lookup }: OwnListener): Promise<boolean> {
  return (await lookup(socket, PATIENCE))?.uid === uid;
}

/**
 * Connects to our own user's daemon and nobody else: no byte of a request, so no token, leaves before the listener has
 * been proven ours. Otherwise the request fails with code `EOWNER`.
 */
export class OwnedListenerAgent extends Agent {
  readonly #listener: OwnListener;

  constructor(listener: OwnListener, options: AgentOptions = {}) {
    super({ keepAlive: true, ...options });
    this.#listener = listener;
  }

  override createConnection(
    options: ClientRequestArgs,
    created: (error: Error | null, socket: Duplex) => void = () => {},
  ): undefined {
    const socket = connect(options as TcpNetConnectOpts);
    const fail = (error: Error) => created(error, socket);
    socket.once('error', fail);
    socket.once('connect', async () => {
      const proven = await ownsListener(socket, this.#listener);
      if (socket.destroyed) return;
      socket.off('error', fail);
      if (proven) return created(null, socket);
      socket.destroy();
      fail(notOurs(options));
    });
  }
}

function notOurs({ host, port }: ClientRequestArgs): Error {
  const message = `What listens on ${host}:${port} is not proven to run as you, so nothing was sent to it`;
  return Object.assign(new Error(message), { code: 'EOWNER' });
}
