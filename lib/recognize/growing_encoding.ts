/**
 * Audio embeddings of a clip that grows. Attention of the encoder stays inside windows of 8 s, so a window that is full
 * is encoded once; of the last one the tokens of whole blocks (1 s) are kept, which saves their convolutions.
 *
 * What is kept is right as long as the clamp of the mel does not move, or moves below all that was encoded: else it is
 * encoded again from the first block that is touched. The embeddings are those of {@linkcode encode} within rounding.
 *
 * @module
 */
import {
  concatenate,
  disposeAll,
  fromData,
  keep,
  type MLXArray,
  scalar,
  slice,
  toFloat32,
} from "../../ffi/mod.ts";
import { GrowingMel } from "../audio/growing_mel.ts";
import { clampMel, LogMel } from "../audio/mel.ts";
import { SAMPLE_RATE } from "../audio/samples.ts";
import type { Qwen3ASRModel } from "../model/qwen3_asr_model.ts";
import type { DecodeContext } from "./encode.ts";

/** What a clip's embeddings are this time. */
export interface GrownEmbeddings {
  /** `[N, H]`, evaluated; the caller's. */
  embeddings: MLXArray;
  /** The first so many are those of the last time. */
  unchanged: number;
  /** The first so many stay as they are unless the clamp moves. */
  final: number;
}

/** Keeps what it has encoded. One call at a time. */
export class GrowingEncoding implements Disposable {
  readonly #model: Qwen3ASRModel;
  readonly #isKept: boolean;
  #mel: GrowingMel;
  /** Of every block that was encoded and is final, the floor that it was clamped to. */
  #floors: number[] = [];
  /** Embeddings of full windows, `[104, H]` each. */
  #windows: MLXArray[] = [];
  /** Tokens of the final blocks after them, `[13 n, D]`. */
  #tokens: MLXArray | undefined;
  #isBusy = false;
  #isDisposed = false;

  /** @param isKept Off, all is encoded anew each time: to measure what keeping is worth. */
  constructor(model: Qwen3ASRModel, isKept = true) {
    this.#model = model;
    this.#isKept = isKept;
    this.#mel = this.#emptyMel();
  }

  #emptyMel(): GrowingMel {
    const { melBins, blockFrames } = this.#model.config.encoder;
    return new GrowingMel(melBins, blockFrames);
  }

  /** Bytes of what is kept on the device. */
  get byteLength(): number {
    return [this.#tokens, ...this.#windows].reduce((sum, array) => sum + (array?.byteLength ?? 0), 0);
  }

  #forget(): void {
    disposeAll([this.#tokens, ...this.#windows]);
    this.#tokens = undefined;
    this.#windows = [];
    this.#floors = [];
    this.#mel = this.#emptyMel();
  }

  /** Brings the mel up to date. */
  async #hear(samples: Float32Array): Promise<void> {
    const { backend, config } = this.#model;
    if (samples.length < this.#mel.samples) this.#forget();
    const mel = this.#mel;
    await backend.exclusive(async () => {
      using powers = backend.build(() => {
        using front = new LogMel(config.encoder.melBins);
        return front.logPower(samples, mel.final);
      });
      await backend.evaluate(powers);
      mel.grow(samples.length, toFloat32(powers));
    });
  }

  /** How many blocks are what they were. */
  #unchangedBlocks(): number {
    const changed = this.#floors.findIndex((floor, block) => !this.#mel.isSame(block, floor));
    return changed < 0 ? this.#floors.length : changed;
  }

  /**
   * Takes the lock for one stage after the other; an abort ends it between two, and what was kept before stays.
   *
   * @param samples The whole clip so far, 16 kHz mono: those of the last time with more behind them.
   */
  async encode(samples: Float32Array, context: DecodeContext): Promise<GrownEmbeddings> {
    this.#isBusy = true;
    try {
      return await this.#encode(samples, context);
    } finally {
      this.#isBusy = false;
      if (this.#isDisposed) this.#forget();
    }
  }

  async #encode(samples: Float32Array, { timing, signal }: DecodeContext): Promise<GrownEmbeddings> {
    const { backend, encoder, config } = this.#model;
    const { windowBlocks, melBins } = config.encoder;
    const { windowTokens } = encoder, blockTokens = windowTokens / windowBlocks;
    let start = performance.now();
    await this.#hear(samples);
    timing.book("mel", start);
    signal?.throwIfAborted();
    start = performance.now();
    const mel = this.#mel;
    const same = this.#unchangedBlocks(), sameWindows = Math.floor(same / windowBlocks);
    const keptWindows = this.#isKept ? sameWindows : 0;
    // Of a window that was full, only the embeddings were kept.
    const keptBlocks = this.#isKept && sameWindows === this.#windows.length ? same % windowBlocks : 0;
    const firstBlock = keptWindows * windowBlocks + keptBlocks;
    const finalWindows = Math.floor(mel.finalBlocks / windowBlocks);
    const made: { windows: MLXArray[]; tokens?: MLXArray | undefined } = { windows: [] };
    /** Tokens of the final blocks behind the last full window, from those of all that is encoded now. */
    const tap = (stage: string, tokens: MLXArray) => {
      if (stage !== "encoder_input" || mel.finalBlocks % windowBlocks === 0) return;
      const offset = keptWindows * windowTokens;
      const from = finalWindows * windowTokens - offset, to = mel.finalBlocks * blockTokens - offset;
      made.tokens = keep(slice(tokens, [from, 0], [to, tokens.dim(1)]));
    };
    const windows = this.#windows.slice(0, keptWindows), kept = this.#tokens;
    try {
      const { result, hostMs } = await backend.runStages(function* () {
        const powers = mel.powersFrom(firstBlock);
        const fresh = clampMel(fromData(powers, [powers.length / melBins, melBins]), scalar(mel.floor));
        const tokens = keptBlocks > 0
          ? slice(kept!, [0, 0], [keptBlocks * blockTokens, kept!.dim(1)])
          : undefined;
        const later = firstBlock > 0 ? { tokens } : undefined;
        const encoded = yield* encoder.stages(fresh, tap, later); // [n, H], from the first window not kept
        for (let window = keptWindows; window < finalWindows; window++) {
          const first = (window - keptWindows) * windowTokens;
          made.windows.push(keep(slice(encoded, [first, 0], [first + windowTokens, encoded.dim(1)])));
        }
        return windows.length > 0 ? concatenate([...windows, encoded], 0) : encoded;
      }, {
        also: () => [...made.windows, ...made.tokens ? [made.tokens] : []],
        signal,
        inTurns: true,
      });
      timing.hostMs += hostMs;
      timing.book("encoder", start, { seconds: samples.length / SAMPLE_RATE });
      this.#keep(made, keptWindows, same);
      return {
        embeddings: result,
        unchanged: sameWindows * windowTokens,
        final: finalWindows * windowTokens,
      };
    } catch (error) {
      disposeAll([made.tokens, ...made.windows]);
      throw error;
    }
  }

  /** Puts what was made behind the windows that stay. */
  #keep(made: { windows: MLXArray[]; tokens?: MLXArray | undefined }, windows: number, same: number): void {
    disposeAll([this.#tokens, ...this.#windows.splice(windows)]);
    this.#windows.push(...made.windows);
    this.#tokens = made.tokens;
    this.#floors.length = same;
    while (this.#floors.length < this.#mel.finalBlocks) this.#floors.push(this.#mel.floor);
  }

  /** Frees what is kept, once a call that still runs has ended. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    if (!this.#isBusy) this.#forget();
  }
}
