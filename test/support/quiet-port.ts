import { createServer, type Server } from 'node:net';

/** Listens on a port that no kernel gives to a program that asks for any. */
export async function listenQuietly(): Promise<{ port: number; server: Server }> {
  for (let port = 20_000 + (process.pid % 10_000); ; port++) {
    const server = createServer();
    const listens = await new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (listens) return { port, server };
  }
}
