/**
 * What is loaded when somebody needs it, and not before.
 *
 * @module
 */

/** The first line of what went wrong. */
export function reasonOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).trim().split("\n")[0]!;
}

/** Loads at the first call, for all that follow. After a failure, which `refuse` puts into words, the next call tries again. */
export function loadOnce<T>(
  load: () => Promise<T>,
  refuse: (reason: string, cause: unknown) => Error,
): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () =>
    result ??= load().catch((cause) => {
      result = undefined;
      throw refuse(reasonOf(cause), cause);
    });
}
