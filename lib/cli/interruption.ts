/**
 * Ctrl-C: the first ends the work in order, the second ends the process.
 *
 * @module
 */

/** Why the signal of {@linkcode Interruption} is aborted. */
export class Interrupted extends Error {
  override name = "Interrupted";
}

/**
 * Ends the process without running anything more. The ordinary way out destroys the library's static objects, which
 * crashes while another thread computes with them; `_exit` is looked up through a library that is open anyway, so that
 * no further permission is needed.
 */
function exitAtOnce(code: number, libraryPath: string | undefined): never {
  try {
    if (libraryPath !== undefined) {
      Deno.dlopen(libraryPath, { _exit: { parameters: ["i32"], result: "void" } }).symbols._exit(code);
    }
  } catch {
    // Then the ordinary way.
  }
  Deno.exit(code);
}

/** Listens to Ctrl-C and to requests to terminate. */
export class Interruption implements Disposable {
  /** Exit code after an interruption: 130 for Ctrl-C, 143 for a request to terminate. */
  code = 0;
  /** Path of the native library once it is open. */
  libraryPath: string | undefined;
  /** Called before the process ends at once: a terminal has to be given back as it was. */
  beforeExit: () => void = () => {};
  readonly #controller = new AbortController();
  readonly #listeners: [Deno.Signal, () => void][] = [];

  /** @param onFirst Called when the first one comes. */
  constructor(onFirst: () => void) {
    const codes: [Deno.Signal, number][] = Deno.build.os === "windows"
      ? [["SIGINT", 130]]
      : [["SIGINT", 130], ["SIGTERM", 143]];
    for (const [signal, code] of codes) {
      const listener = () => {
        if (this.code !== 0) {
          this.beforeExit();
          exitAtOnce(code, this.libraryPath);
        }
        this.code = code;
        onFirst();
        this.#controller.abort(new Interrupted("Interrupted"));
      };
      Deno.addSignalListener(signal, listener);
      this.#listeners.push([signal, listener]);
    }
  }

  /** Aborted by the first Ctrl-C. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the first Ctrl-C has come. */
  get isOver(): boolean {
    return this.code !== 0;
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
