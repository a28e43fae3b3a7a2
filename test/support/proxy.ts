import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Test } from 'tap';

interface Listening {
  url: string;
  port: number;
}

export interface Proxy extends Listening {
  /** What it was asked for: `CONNECT host:port` or `POST http://host:port/`. */
  asked: string[];
}

/** A forwarding and tunnelling HTTP proxy; with credentials (`user:password`) it wants them. */
export async function startProxy(t: Test, credentials?: string): Promise<Proxy> {
  const asked: string[] = [];
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
  const refused = ({ headers }: IncomingMessage) => wanted && headers['proxy-authorization'] !== wanted;
  const sockets = new Set<Socket>();
  const server = createServer((message, response) => {
    const { method, url = '', headers } = message;
    asked.push(`${method} ${url}`);
    if (refused(message)) {
      response.writeHead(407, { 'Content-Type': 'text/html' }).end('<html>who are you?</html>');
      return;
    }
    const onward = request(url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    message.pipe(onward);
  });
  server.on('connect', (message, socket: Socket) => {
    asked.push(`CONNECT ${message.url}`);
    if (refused(message)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const { hostname, port } = new URL(`http://${message.url}`);
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('error', () => {}).on('close', () => sockets.delete(end));
    }
  });
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
  });
  return { asked, ...(await listening(server)) };
}

/** HTTPS before a plain server. */
export async function startTlsFront(
  t: Test,
  { port, cert, key }: { port: number; cert: Buffer; key: Buffer },
): Promise<Listening> {
  const server = createTlsServer({ cert, key }, (message, response) => {
    const { method, url: path, headers } = message;
    const onward = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    message.pipe(onward);
  });
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port: own } = await listening(server);
  return { port: own, url: `https://127.0.0.1:${own}` };
}

async function listening(server: ReturnType<typeof createServer>): Promise<Listening> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}
