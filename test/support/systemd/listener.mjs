// Somebody else on a port.
import { createServer } from 'node:net';

createServer(() => {}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
process.stdin.resume().on('end', () => {
  console.log('ended');
  process.exit();
});
