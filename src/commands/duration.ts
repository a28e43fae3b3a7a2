import { UsageError } from './command.js';

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `12h`, `1d`, or seconds, in milliseconds. */
export function milliseconds(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = 's'] = /^(\d+)([smhd]?)$/.exec(text) ?? [];
  const size = UNITS[unit || 's'];
  if (!count || !size || Number(count) === 0)
    throw new UsageError(`${flag}: "${text}" is not a time: use 90s, 15m, 12h or 1d`);
  return Number(count) * size;
}
