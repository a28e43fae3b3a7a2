/** A process in a network of its own: ECS's address is there, and its parent is told the credentials found at it. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { machineCredentials } from '../../src/aws/machine.js';

execFileSync('ip', ['link', 'set', 'lo', 'up']);
execFileSync('ip', ['addr', 'add', '169.254.170.2/32', 'dev', 'lo']);
const server = createServer(({ url }, response) => {
  if (url !== '/v2/credentials/id') response.writeHead(404);
  response.end(
    '{"AccessKeyId":"ASIAMACHINE","SecretAccessKey":"hush","Token":"a-token","Expiration":"2100-01-02T03:04:05Z"}',
  );
}).listen(80, '169.254.170.2');
await once(server, 'listening');
const env = {
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/id',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/',
};
process.send?.(await machineCredentials({ kind: 'container', profile: 'p' }, env));
process.disconnect();
server.close();
server.closeAllConnections();
