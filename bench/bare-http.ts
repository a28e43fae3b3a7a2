import { createServer } from 'node:http';

// The least that Node can do: the same bytes, for whoever asks.
const [port, body = ''] = process.argv.slice(2);
const bytes = Buffer.from(body);
createServer((_request, response) => {
  response.writeHead(200, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': bytes.length,
  });
  response.end(bytes);
}).listen(Number(port), '127.0.0.1');
