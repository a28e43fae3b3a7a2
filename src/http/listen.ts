import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyListenOptions } from 'fastify';
import { CredentialError } from '../errors.js';

/**
 * Listens on the port, 0 for any free one, or on a socket that was opened for us. The port that it is.
 * @throws CredentialError `NotLoopback` (400): a socket unit may have been edited to listen to the whole network
 */
export async function listenOnLoopback(
  app: FastifyInstance,
  { fd, port }: { fd?: number | undefined; port?: number },
): Promise<number> {
  // Fastify hands all of it to Node, which takes a descriptor too.
  const where = fd === undefined ? { host: '127.0.0.1', port } : { fd };
  await app.listen(where as FastifyListenOptions);
  const { address, port: taken } = Object(app.server.address()) as Partial<AddressInfo>;
  if (address === '127.0.0.1' && taken !== undefined) return taken;
  throw new CredentialError(
    'NotLoopback',
    400,
    'The socket that credd was handed does not listen on 127.0.0.1. Set ListenStream=127.0.0.1:8363 in credd.socket.',
  );
}
