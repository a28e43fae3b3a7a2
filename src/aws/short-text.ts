import type { IncomingMessage } from 'node:http';
import type { NodeHttpHandler } from '@smithy/node-http-handler';

const MOST_BYTES = 1024;

/** The body of a page that is a line or so. @throws Error in words */
export async function shortText(url: string, handler: NodeHttpHandler): Promise<string> {
  const { protocol, hostname, port, pathname, searchParams, host } = new URL(url);
  const request = {
    method: 'GET',
    protocol,
    hostname,
    ...(port ? { port: Number(port) } : {}),
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: { host, accept: 'text/plain' },
  };
  const { response } = await handler.handle(request as unknown as Parameters<NodeHttpHandler['handle']>[0]);
  const body = response.body as IncomingMessage;
  try {
    if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode}`);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body) {
      length += chunk.length;
      if (length > MOST_BYTES) throw new Error('its answer is too long');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  } finally {
    body.destroy();
  }
}
