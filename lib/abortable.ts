/**
 * Waiting that ends when a signal is aborted.
 *
 * @module
 */

/**
 * Settles like `work`, or rejects with the signal's reason as soon as it is aborted; the work itself goes on. Every call
 * has a promise of its own: one that lived as long as the signal would keep what each race was won with.
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Resolves after `seconds`; rejects with the signal's reason when it is aborted before. */
export async function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, seconds * 1000);
  try {
    await abortable(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}
