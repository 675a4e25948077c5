/**
 * How long `/health` took at its worst.
 *
 * @module
 */

/** Watches a server until it is disposed. */
export class HealthWatch implements Disposable {
  readonly #worker = new Worker(new URL("./health_worker.ts", import.meta.url), { type: "module" });

  constructor(port: number) {
    this.#worker.postMessage({ port });
  }

  /** Seconds of the longest answer so far, that of a question still open included. */
  async worstSeconds(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#worker.onmessage = ({ data }: MessageEvent<number>) => resolve(data);
    this.#worker.postMessage({});
    return await promise;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
