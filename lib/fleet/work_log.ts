/**
 * What a machine tells of itself: who it is, what it does, how fast.
 *
 * @module
 */
import type { Job } from "./job.ts";
import type { Machine, Shelf } from "./shelves.ts";

/** Between two words to the others, in milliseconds. */
const TELL_MS = 10_000;

/** Counts, and tells the fleet. */
export class WorkLog {
  readonly #shelf: Shelf<Machine>;
  readonly #machine: Machine;
  #telling: Promise<void> | undefined;

  /** Begins with nothing done. */
  constructor(shelf: Shelf<Machine>, who: Pick<Machine, "name" | "version" | "model" | "device">) {
    this.#shelf = shelf;
    this.#machine = { ...who, soundSeconds: 0, soundBytes: 0, busySeconds: 0, done: 0, failed: 0 };
  }

  /** What was done so far. */
  get counts(): { done: number; failed: number } {
    const { done, failed } = this.#machine;
    return { done, failed };
  }

  #tell(): void {
    this.#telling ??= this.#shelf.put(this.#machine.name, { ...this.#machine }).catch(() => {}).finally(() =>
      this.#telling = undefined
    );
  }

  /** Tells from now on, until the result is disposed of. */
  start(): Disposable {
    this.#tell();
    const timer = setInterval(() => this.#tell(), TELL_MS);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  /** Is not there any more. */
  async leave(): Promise<void> {
    await this.#telling;
    await this.#shelf.remove(this.#machine.name).catch(() => {});
  }

  /** Begins a job. */
  begin({ name, part }: Job): void {
    this.#machine.now = { name, ...(part === undefined ? {} : { part }), since: Date.now() };
  }

  /** Has let go of it. */
  end(): void {
    delete this.#machine.now;
  }

  /** Has decoded some sound. */
  done(work: Pick<Machine, "soundSeconds" | "soundBytes" | "busySeconds">): void {
    this.#machine.done++;
    this.#machine.soundSeconds += work.soundSeconds;
    this.#machine.soundBytes += work.soundBytes;
    this.#machine.busySeconds += work.busySeconds;
  }

  /** Has laid a job aside. */
  failed(): void {
    this.#machine.failed++;
  }
}
