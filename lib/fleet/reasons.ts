/**
 * What an error of the server means: a real answer, a pause in its service, or no room.
 *
 * @module
 */
import { sleep } from "../abortable.ts";
import { reasonOf } from "../load_once.ts";
import { QueueError } from "./queue_error.ts";

/** JetStream's numbers for what it answers. */
const WRONG_LAST_SEQUENCE = 10071;
const STORE_FAILED = 10077;
const CONSUMER_EXISTS = 10148;
/** No room on the disk, or none left of what the account may have. */
const NO_ROOM = [10023, 10028, 10047];
/** It has not everything together yet, as after a start. */
const NOT_READY = [10008, 10009, 10041, 10120];

/** Between two tries, at first and at most. */
const FIRST_PAUSE_SECONDS = 0.1;
const LONGEST_PAUSE_SECONDS = 5;

function codeOf(error: unknown): number | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}

/** The first line of what an error says, to go on behind it. */
export function quickReason(error: unknown): string {
  return reasonOf(error).replace(/\.$/, "");
}

/** Whether a key is there already. */
export function isTaken(error: unknown): boolean {
  return codeOf(error) === WRONG_LAST_SEQUENCE;
}

/** Whether a subject has its message already. */
export function isQueuedAlready(error: unknown): boolean {
  return codeOf(error) === STORE_FAILED && /per subject/.test(quickReason(error));
}

/** Whether a consumer is there already, with other settings: servers from 2.10 on do not change it by the way. */
export function isOtherConsumer(error: unknown): boolean {
  return codeOf(error) === CONSUMER_EXISTS;
}

/** Whether there is no room: the store's own limit, the account's, or the disk's. */
export function isFull(error: unknown): boolean {
  const code = codeOf(error);
  if (code === STORE_FAILED) {
    return /maximum (bytes|messages) exceeded|no space|insufficient/i.test(quickReason(error));
  }
  return code !== undefined && NO_ROOM.includes(code);
}

/** Whether the same question may be answered later: the server is away, or has just come back. */
export function isPause(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const passing = ["TimeoutError", "RequestError", "NoRespondersError", "ConnectionError"];
  const code = codeOf(error);
  if (code === STORE_FAILED) return !isFull(error) && !isQueuedAlready(error);
  return passing.includes(error.name) || code !== undefined && NOT_READY.includes(code) ||
    /disconnect|no responders/i.test(error.message);
}

/** How patient a question is. */
export interface Patience {
  /** Ends the waiting. */
  signal?: AbortSignal | undefined;
  /** Whether to wait for room too: somebody will make some. @default {false} */
  forRoom?: boolean | undefined;
  /** Is told once why it waits. */
  onWait?: ((reason: string) => void) | undefined;
}

/** Asks until there is an answer: through a server that is away or starts again. */
export async function patiently<T>(ask: () => Promise<T>, patience: Patience = {}): Promise<T> {
  const { signal, forRoom = false, onWait } = patience;
  for (let pause = FIRST_PAUSE_SECONDS;; pause = Math.min(2 * pause, LONGEST_PAUSE_SECONDS)) {
    try {
      return await ask();
    } catch (error) {
      if (!isPause(error) && !(forRoom && isFull(error))) throw error;
      if (pause === FIRST_PAUSE_SECONDS) {
        onWait?.(isFull(error) ? "it has no room left" : "it does not answer");
      }
      await sleep(pause, signal);
    }
  }
}

/** An answer that is no use to a person as it is. */
export function refused(what: string, error: unknown): QueueError {
  return new QueueError(
    isFull(error)
      ? `${what}: the queue's disk, or what it may use of it, is full; make room there`
      : `${what}: the queue says "${quickReason(error)}"`,
    { cause: error },
  );
}
