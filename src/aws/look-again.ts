import type { Clock } from '../system/clock.js';

const LOOKS = 10;
const BETWEEN = 100;

/**
 * Reads for about a second, until what is read will do: another process may be writing the file, or about to write
 * what it was given, and nobody is to be asked for that.
 */
export async function lookAgain<T>(
  read: () => Promise<T>,
  willDo: (found: T) => boolean,
  clock: Clock,
): Promise<T> {
  for (let looks = 0; ; looks++) {
    const found = await read();
    if (willDo(found) || looks === LOOKS) return found;
    await new Promise<void>((resolve) => clock.after(BETWEEN, resolve));
  }
}
