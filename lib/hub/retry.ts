/**
 * Trying again: which failures pass, and how long to wait.
 *
 * @module
 */
import { sleep } from "../abortable.ts";
import { DownloadError } from "../errors.ts";

/** Longest pause of our own choosing. */
const MAX_DELAY_SECONDS = 30;

/** Longest pause a server may ask for; beyond it the download fails with a sentence that says so. */
const MAX_RETRY_AFTER_SECONDS = 300;

/** A failure that may pass: a cut connection, a busy server. */
export class TransientError extends Error {
  override name = "TransientError";
  /** Pause the server asked for. */
  readonly retryAfterSeconds: number | undefined;

  /** `message` goes on after "failed: ". */
  constructor(message: string, retryAfterSeconds?: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The server cannot continue a file where we stopped. */
export class RangeRefusedError extends TransientError {}

/** A failure that could have passed and did not. */
export class GaveUpError extends DownloadError {}

/** Seconds of a `Retry-After` header: a number, or a date. */
export function parseRetryAfter(header: string | null, nowMs: number = Date.now()): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - nowMs) / 1000);
}

/** How often and how patiently to try again. */
export interface RetryPolicy {
  /** Failures in a row after which it is over. */
  retries: number;
  /** First pause; each next one is twice as long, up to 30 s. */
  delaySeconds: number;
  /** Ends a pause. */
  signal?: AbortSignal | undefined;
}

/** Counts failures in a row and waits between them. */
export class Retry {
  readonly #policy: RetryPolicy;
  #failures = 0;

  /** Starts with no failures. */
  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /** Forgets the failures so far: there was progress. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * Waits until it is time to try again, as long as the server asked for if it did.
   *
   * @throws {GaveUpError} When it failed too often, or the server wants more patience than there is.
   */
  async pause(error: TransientError, what: string): Promise<void> {
    const { retries, delaySeconds, signal } = this.#policy;
    signal?.throwIfAborted();
    if (this.#failures++ >= retries) {
      throw new GaveUpError(`${what} failed: ${error.message} (gave up after ${this.#failures} tries)`);
    }
    const asked = error.retryAfterSeconds;
    if (asked !== undefined && asked > MAX_RETRY_AFTER_SECONDS) {
      throw new GaveUpError(
        `${what} failed: ${error.message}; the server asks to come back in ${Math.ceil(asked)} s`,
      );
    }
    const own = Math.min(MAX_DELAY_SECONDS, delaySeconds * 2 ** (this.#failures - 1));
    await sleep(asked ?? own * (0.75 + Math.random() / 2), signal);
  }
}

/** Runs `attempt` until it succeeds or fails for good. */
export async function retrying<T>(policy: RetryPolicy, what: string, attempt: () => Promise<T>): Promise<T> {
  const retry = new Retry(policy);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await retry.pause(error, what);
    }
  }
}
