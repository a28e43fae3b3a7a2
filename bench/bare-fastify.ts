import fastify from 'fastify';

// The least that the framework can do: the same bytes, for whoever asks.
const [port, body = '{}'] = process.argv.slice(2);
const app = fastify();
app.get('/*', (_request, reply) => {
  reply
    .serializer(() => body)
    .header('content-type', 'application/json')
    .header('cache-control', 'no-store')
    .send(body);
});
await app.listen({ host: '127.0.0.1', port: Number(port) });
