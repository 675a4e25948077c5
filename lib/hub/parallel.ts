/**
 * Several pieces of work at the same time, but not all.
 *
 * @module
 */

/**
 * Runs `work` on all items, `limit` at a time, in order. The first failure aborts the signal the others have.
 *
 * @throws The first failure, or the signal's reason.
 */
export async function inParallel<T>(
  items: readonly T[],
  { limit, signal }: { limit: number; signal?: AbortSignal | undefined },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const either = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal]);
  let next = 0;
  const runner = async () => {
    while (next < items.length && !either.aborted) {
      try {
        await work(items[next++]!, either);
      } catch (error) {
        failure.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, runner));
  either.throwIfAborted();
}
