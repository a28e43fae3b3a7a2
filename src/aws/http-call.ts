import type { Site } from './chain.js';
import type { AwsClients } from './clients.js';

export interface HttpCall {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string;
}

export interface HttpAnswer {
  status: number;
  text: string;
}

/** One call of what no client of the SDK serves, through the same proxies, certificates and timeouts. */
export async function httpCall(clients: AwsClients, site: Site, call: HttpCall): Promise<HttpAnswer> {
  const handler = await clients.handler(site);
  const { protocol, hostname, port, pathname, searchParams } = new URL(call.url);
  const request = {
    method: call.method,
    protocol,
    hostname,
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: { ...call.headers },
    body: call.body,
    ...(port ? { port: Number(port) } : {}),
  };
  const { response } = await handler.handle(request as unknown as Parameters<typeof handler.handle>[0]);
  const chunks: Buffer[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  return { status: response.statusCode, text: Buffer.concat(chunks).toString() };
}
