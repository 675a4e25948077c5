/**
 * What is asked of a live stream, waiting in its order for the loop that does it.
 *
 * @module
 */
import { Bell } from "../../bell.ts";
import { joinSamples } from "../../join_arrays.ts";

/** Sound to hear, or what to do behind the sound before it. */
export type Command = Float32Array | "cut" | "clear" | "end";

/** A queue with one who takes. */
export class Commands {
  readonly #waiting: Command[] = [];
  readonly #came = new Bell();
  readonly #signal: AbortSignal;

  /** @param signal Ends waiting. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#came.ring(), { once: true });
  }

  /** Appends one. */
  push(command: Command): void {
    this.#waiting.push(command);
    this.#came.ring();
  }

  /**
   * Takes the next one, when there is one.
   *
   * @param most Neighbouring blocks of sound come as one, of so many samples or a little more.
   * @throws The signal's reason.
   */
  async next(most: number): Promise<Command> {
    this.#signal.throwIfAborted();
    while (this.#waiting.length === 0) {
      await this.#came.rung;
      this.#signal.throwIfAborted();
    }
    const first = this.#waiting.shift()!;
    if (typeof first === "string") return first;
    const blocks = [first];
    for (let length = first.length; length < most; length += blocks.at(-1)!.length) {
      const next = this.#waiting[0];
      if (next === undefined || typeof next === "string") break;
      blocks.push(next);
      this.#waiting.shift();
    }
    return joinSamples(blocks);
  }
}
