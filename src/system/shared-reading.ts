/**
 * Lets many who ask at once share one slow reading of something that changes. Nobody gets a reading that began
 * before he asked, and no two readings run at the same time.
 */
export function sharedReading<T>(read: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;

  return () => {
    if (next) return next;
    next = running.then(() => {
      next = undefined;
      return read();
    });
    running = next.catch(() => {});
    return next;
  };
}
