import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyListenOptions } from 'fastify';

/** Listens on the port, 0 for any free one, or on a socket that was opened for us. The port that it is. */
export async function listenOnLoopback(
  app: FastifyInstance,
  { fd, port }: { fd?: number | undefined; port?: number },
): Promise<number> {
  // Fastify hands all of it to Node, which takes a descriptor too.
  const where = fd === undefined ? { host: '127.0.0.1', port } : { fd };
  await app.listen(where as FastifyListenOptions);
  return (app.server.address() as AddressInfo).port;
}
