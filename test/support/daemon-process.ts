// Starts the daemon on files below a home and on a port, says what came of it, and stops when told.
import { pino } from 'pino';
import { startDaemon } from '../../src/daemon.js';
import { readSettings } from '../../src/settings.js';
import { systemClock } from '../../src/system/clock.js';

const [home = '', port = ''] = process.argv.slice(2);
const settings = readSettings({ HOME: home }, { store: 'memory', port });
try {
  const daemon = await startDaemon({
    settings,
    log: pino({ level: 'silent' }),
    clock: systemClock,
    ownerToken: 'token',
    port: settings.port,
    needsToken: false,
  });
  console.log(daemon.url);
  await new Promise((resolve) => process.stdin.once('data', resolve));
  process.stdin.destroy();
  await daemon.stop();
  console.log('stopped');
} catch (error) {
  console.log((error as NodeJS.ErrnoException).code);
}
