import type { Logger } from 'pino';
import { require } from './system/common-js.js';

const { pino } = require('pino') as typeof import('pino');

/** To stderr: lines for a person on a terminal, JSON otherwise. */
export async function createLog(level: string, stderr: NodeJS.WriteStream): Promise<Logger> {
  const options = { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime };
  if (!stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  return pino(options, pretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss', ignore: 'step' }));
}
