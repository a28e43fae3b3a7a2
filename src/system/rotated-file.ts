import { type FileHandle, open, rename } from 'node:fs/promises';

const MODE = 0o600;

/** Where {@link RotatedFile} puts what was written before. */
export const olderThan = (path: string) => `${path}.1`;

/** A file that is only ever added to. When it is full it takes the place of the one before, and a new one begins. */
export class RotatedFile {
  readonly #path: string;
  readonly #most: number;
  /** Whether the last line may be cut off: by a disk that filled up, now or when another process wrote it. */
  #torn = true;

  /** @param most bytes, past which the file is full */
  constructor(path: string, most: number) {
    this.#path = path;
    this.#most = most;
  }

  /** Adds whole lines. It is opened anew each time: it may have been moved away, and another process may add to it too. */
  async append(lines: string): Promise<void> {
    const file = await this.#open();
    try {
      const { size } = await file.stat();
      await file.appendFile(this.#torn && size > 0 ? `\n${lines}` : lines);
      this.#torn = false;
    } catch (error) {
      this.#torn = true;
      throw error;
    } finally {
      await file.close();
    }
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.#path, 'a', MODE);
    try {
      const { size } = await file.stat();
      if (size < this.#most) return file;
      await rename(this.#path, olderThan(this.#path));
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return open(this.#path, 'a', MODE);
  }
}

/**
 * The lines of such a file, the older one's first; then again and again what has been added since, over a change of
 * files, too. Each step gives what there is; a line that is not complete yet waits for the next.
 */
export async function* linesOf(path: string): AsyncGenerator<string[], never> {
  const older = await read(olderThan(path));
  let file = await openIfPresent(path);
  let begun = '';
  let found = older;
  try {
    for (;;) {
      found += await rest(file);
      const next = await successor(file, path);
      if (next) {
        // Nothing is added to the old one any more, but something may have been since we looked.
        found += await rest(file);
        await file?.close();
        file = next;
        found += await rest(file);
      }
      const lines = (begun + found).split('\n');
      begun = lines.pop() ?? '';
      found = '';
      yield lines.filter(Boolean).map((line) => Buffer.from(line, 'latin1').toString());
    }
  } finally {
    await file?.close();
  }
}

/** Byte for byte, as a character may be in the middle of being written. */
async function rest(file: FileHandle | undefined): Promise<string> {
  return file ? file.readFile('latin1') : '';
}

/** The file that has taken its place. */
async function successor(file: FileHandle | undefined, path: string): Promise<FileHandle | undefined> {
  const now = await openIfPresent(path);
  if (!now || !file) return now;
  const [{ ino }, { ino: inoNow }] = await Promise.all([file.stat(), now.stat()]);
  if (ino !== inoNow) return now;
  await now.close();
  return undefined;
}

async function read(path: string): Promise<string> {
  const file = await openIfPresent(path);
  try {
    return await rest(file);
  } finally {
    await file?.close();
  }
}

function openIfPresent(path: string): Promise<FileHandle | undefined> {
  return open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
