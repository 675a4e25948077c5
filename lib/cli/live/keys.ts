/**
 * Keys of a terminal while sound is heard: a terminal tells when a key goes down, not when it comes up, so that one press
 * begins to talk and the next one ends it.
 *
 * @module
 */

const TALK_KEYS = [" ", "\r", "\n"];
/** Ctrl-C is a key where it is no signal: on Windows. */
const END_KEYS = ["q", "\x03", "\x04"];

/** What keys do. */
export interface KeyActions {
  /** Space or Enter. */
  onTalk(): void;
  /** q or Ctrl-D. */
  onEnd(): void;
}

/** Listens to keys, which do not appear on the screen meanwhile; Ctrl-C stays what it is. */
export class Keys implements Disposable {
  #isRaw = false;

  /** Begins to listen. */
  constructor(actions: KeyActions) {
    Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
    this.#isRaw = true;
    this.#listen(actions).catch(() => {});
  }

  async #listen({ onTalk, onEnd }: KeyActions): Promise<void> {
    const buffer = new Uint8Array(64);
    for (let count; this.#isRaw && (count = await Deno.stdin.read(buffer)) !== null;) {
      for (const key of new TextDecoder().decode(buffer.subarray(0, count))) {
        if (!this.#isRaw) return;
        if (TALK_KEYS.includes(key)) onTalk();
        else if (END_KEYS.includes(key)) onEnd();
      }
    }
    onEnd();
  }

  /** Gives the terminal back as it was; may be called twice. */
  [Symbol.dispose](): void {
    if (!this.#isRaw) return;
    this.#isRaw = false;
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // The terminal is gone.
    }
  }
}
