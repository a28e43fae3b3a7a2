import { readFile, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from './clock.js';

const LOOK_EVERY = 250;
const STANDS_STILL = 100;
/** Thirty times what 5,000 profiles take; to read more would hold up every answer for seconds. */
const MOST_BYTES = 16 * 2 ** 20;

/** What a path holds. A symlink is followed; a device, such as `/dev/null` in a variable, counts as missing. */
export type FileState =
  | { state: 'present'; path: string; text: string; mode: number }
  | { state: 'missing'; path: string }
  | { state: 'unreadable'; path: string; reason: string };

export interface WatchedFiles {
  /** The files as last taken, in the order of the paths; a file that has not changed is the same object. */
  readonly current: readonly FileState[];
  /** Takes them as they are at this moment. */
  reload(): Promise<void>;
  close(): void;
}

export interface WatchOptions {
  paths: readonly string[];
  clock: Clock;
  /** Called with all files when what one of them holds has changed. */
  onChange: (files: readonly FileState[]) => void;
}

/** Never rejects: what stands in the way is part of the answer. */
export async function readFileState(path: string): Promise<FileState> {
  try {
    const stats = await stat(path);
    if (stats.isCharacterDevice()) return { state: 'missing', path };
    if (stats.size > MOST_BYTES) return { state: 'unreadable', path, reason: 'larger than 16 MB' };
    if (!stats.isFile()) return { state: 'unreadable', path, reason: 'not a file' };
    return { state: 'present', path, text: await readFile(path, 'utf8'), mode: stats.mode & 0o777 };
  } catch (error) {
    const code = codeOf(error);
    return isMissing(code) ? { state: 'missing', path } : { state: 'unreadable', path, reason: code };
  }
}

/**
 * Looks at the files four times a second, and takes them when none has changed for 100 ms: all of them together, so
 * that an edit of two files is one change. By polling, because dotfiles are symlinks, and editors replace files.
 * The next look is scheduled when the last one has ended: a file system that hangs piles nothing up.
 */
export async function watchFiles({ paths, clock, onChange }: WatchOptions): Promise<WatchedFiles> {
  let taken: string | undefined;
  let changing: string | undefined;
  let current: readonly FileState[] = [];
  let closed = false;
  let cancel = () => {};

  async function take(seen: string): Promise<boolean> {
    const read = await Promise.all(paths.map(readFileState));
    if ((await fingerprint(paths)) !== seen) return false;
    // What could not be read is tried again each time: its fingerprint may not tell when it can be.
    taken = read.some(({ state }) => state === 'unreadable') ? undefined : seen;
    const files = read.map((file, index) => same(current[index], file) ?? file);
    const changed = files.some((file, index) => file !== current[index]);
    current = files;
    return changed;
  }

  async function look(): Promise<void> {
    const seen = await fingerprint(paths);
    const still = seen === changing;
    changing = seen === taken || still ? undefined : seen;
    try {
      if (still && (await take(seen)) && !closed) onChange(current);
    } finally {
      schedule();
    }
  }

  function schedule(): void {
    if (!closed) cancel = clock.after(changing === undefined ? LOOK_EVERY : STANDS_STILL, look);
  }

  async function reload(): Promise<void> {
    if ((await take(await fingerprint(paths))) && !closed) onChange(current);
  }

  const first = await fingerprint(paths);
  if (!(await take(first))) current = await Promise.all(paths.map(readFileState));
  schedule();

  return {
    get current() {
      return current;
    },
    reload,
    close() {
      closed = true;
      cancel();
    },
  };
}

function same(before: FileState | undefined, now: FileState): FileState | undefined {
  return isDeepStrictEqual(before, now) ? before : undefined;
}

/** Changes with anything that may change what reading gives: the time of a `chmod` too. */
async function fingerprint(paths: readonly string[]): Promise<string> {
  const marks = await Promise.all(
    paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
        return [dev, ino, size, mtimeNs, ctimeNs].join(':');
      } catch (error) {
        return codeOf(error);
      }
    }),
  );
  return marks.join(' ');
}

function isMissing(code: string): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
