/**
 * The model: loaded when first needed, freed when nobody asked for a while, loaded again on demand.
 *
 * @module
 */
import type { LoadedAudio } from "../audio/load.ts";
import type { ModelInfo } from "../open_model.ts";
import type { TranscribeOptions } from "../recognize/options.ts";
import type { TranscriptEvent } from "../recognize/events.ts";
import type { LiveOptions } from "../recognize/live/options.ts";
import type { LiveStream } from "../recognize/live/live_stream.ts";
import type { Transcript } from "../transcript.ts";
import { HttpError } from "./http_error.ts";

/** What the server needs of a `Qwen3ASR`. */
export interface Recognizer {
  /** What was loaded. */
  readonly info: ModelInfo;
  /** Recognises a recording that was read. */
  transcribe(audio: LoadedAudio, options?: TranscribeOptions): Promise<Transcript>;
  /** The same, with everything as it happens. */
  stream(audio: LoadedAudio, options?: TranscribeOptions): AsyncGenerator<TranscriptEvent, void>;
  /** Hears a live stream; without it there are neither realtime sessions nor Wyoming. */
  live?(options: LiveOptions): LiveStream;
  /** Frees it. */
  close(): Promise<void>;
}

/** Gives a model. */
export type Loader = () => Promise<Recognizer>;

/** The model for the time of one request. */
export interface Lease extends Disposable {
  readonly asr: Recognizer;
}

/** `idle`: it was loaded before and will be again when somebody asks. */
export type ModelState = "unloaded" | "loading" | "loaded" | "idle" | "failed";

/** The one model of a server. */
export class ModelHolder {
  readonly #loader: Loader | undefined;
  readonly #keepAliveSeconds: number;
  readonly #log: (line: string) => void;
  #model: Promise<Recognizer> | undefined;
  #leases = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closing: Promise<void> = Promise.resolve();
  #state: ModelState = "unloaded";
  #info: Recognizer["info"] | undefined;
  #loads = 0;

  /** @param source A model, which stays its owner's, or a loader, whose models are closed here. */
  constructor(
    source: Recognizer | Loader,
    options: { keepAliveSeconds: number; log: (line: string) => void },
  ) {
    this.#keepAliveSeconds = options.keepAliveSeconds;
    this.#log = options.log;
    if (typeof source === "function") this.#loader = source;
    else {
      this.#model = Promise.resolve(source);
      this.#info = source.info;
      this.#state = "loaded";
    }
  }

  get state(): ModelState {
    return this.#state;
  }

  /** What was loaded last. */
  get info(): Recognizer["info"] | undefined {
    return this.#info;
  }

  /** Times that the loader gave a model. */
  get loads(): number {
    return this.#loads;
  }

  async #load(loader: Loader): Promise<Recognizer> {
    this.#state = "loading";
    try {
      await this.#closing;
      const asr = await loader();
      this.#info = asr.info;
      this.#state = "loaded";
      this.#loads++;
      return asr;
    } catch (error) {
      this.#model = undefined;
      this.#state = "failed";
      this.#log(`The model cannot be loaded: ${error instanceof Error ? error.message : error}`);
      throw error;
    }
  }

  /**
   * Loads the model when it is not there, and keeps it while the lease lives.
   *
   * @throws {HttpError} 503 when it cannot be loaded; the next call tries again.
   */
  async lease(): Promise<Lease> {
    this.#leases++;
    clearTimeout(this.#timer);
    let left = false;
    const leave = () => {
      if (left) return;
      left = true;
      this.#leases--;
      this.#watch();
    };
    try {
      this.#model ??= this.#load(this.#loader!);
      return { asr: await this.#model, [Symbol.dispose]: leave };
    } catch (cause) {
      leave();
      throw new HttpError(503, "The model could not be loaded; the server's log says why.", {
        code: "model_not_loaded",
        retryAfterSeconds: 10,
        cause,
      });
    }
  }

  #watch(): void {
    const idle = this.#leases === 0 && this.#loader && this.#model && this.#state === "loaded";
    if (!idle || this.#keepAliveSeconds === Infinity) return;
    clearTimeout(this.#timer);
    const timer = setTimeout(() => {
      if (this.#leases === 0) this.#unload();
    }, Math.min(this.#keepAliveSeconds * 1000, 2 ** 31 - 1));
    Deno.unrefTimer(timer);
    this.#timer = timer;
  }

  #unload(): void {
    const model = this.#model;
    this.#model = undefined;
    this.#state = "idle";
    this.#closing = (async () => await (await model)?.close())().catch((error) => this.#log(String(error)));
  }

  /** Frees a model that was loaded here. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#loader && this.#model && this.#state !== "failed") this.#unload();
    await this.#closing;
  }
}
