/**
 * What goes wrong between this machine and the queue.
 *
 * @module
 */

/** The queue cannot be reached, refuses, or has no room: one sentence that says what to do. */
export class QueueError extends Error {
  /** "QueueError". */
  override name = "QueueError";
}

/** A recording is not what it was when it was submitted, or cannot be worked on here. */
export class JobError extends Error {
  /** "JobError". */
  override name = "JobError";
}
