/**
 * Live text by the official recipe (spec section 12): every step the model hears all sound so far again and continues the
 * text it wrote before, less its last few tokens.
 *
 * Cost grows with the length of the stream: meant for utterances of up to a minute or two.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { joinSamples } from "../../join_arrays.ts";
import { parseAnswer } from "../../text/answer.ts";
import { type Tokenizer, UNDECODABLE } from "../../text/tokenizer.ts";
import type { ClipRequest } from "../clip.ts";
import type { ClipDecoder } from "../engine.ts";
import { Timing } from "../timing.ts";

/** The text so far. */
export interface OfficialText {
  /** What was said. */
  text: string;
  /** Canonical English name, "" when unknown. */
  language: string;
  /** Seconds of audio that the text stands for. */
  heardSeconds: number;
}

/** Checked settings. */
export interface OfficialSettings {
  language: string | undefined;
  context: string;
  stepSamples: number;
  unfixedSteps: number;
  unfixedTokens: number;
  maxTokens: number;
  signal: AbortSignal | undefined;
}

/**
 * The part of the text that the next step may build on: all but the last `unfixed` tokens, less as many more as it
 * takes not to end inside a character.
 */
export function fixedPrefix(tokenizer: Tokenizer, raw: string, unfixed: number): string {
  const ids = tokenizer.encode(raw);
  for (let drop = unfixed;; drop++) {
    const end = Math.max(0, ids.length - drop);
    const prefix = end === 0 ? "" : tokenizer.decode(ids.slice(0, end), { skipSpecialTokens: false });
    if (end === 0 || !prefix.includes(UNDECODABLE)) return prefix;
  }
}

/** A stream that is heard by the official recipe, one call at a time. */
export class OfficialRecipe {
  readonly #engine: ClipDecoder;
  readonly #settings: OfficialSettings;
  #heard = new Float32Array(0);
  #waiting = new Float32Array(0);
  #raw = "";
  #steps = 0;
  #now: OfficialText = { text: "", language: "", heardSeconds: 0 };

  constructor(engine: ClipDecoder, settings: OfficialSettings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /** What the decoder has written so far, with its language line. */
  get rawText(): string {
    return this.#raw;
  }

  /** Seconds of audio that the text stands for. */
  get heardSeconds(): number {
    return this.#now.heardSeconds;
  }

  #take(count: number): void {
    this.#heard = joinSamples([this.#heard, this.#waiting.subarray(0, count)]) as Float32Array<ArrayBuffer>;
    this.#waiting = this.#waiting.slice(count);
  }

  async #step(prefix: string): Promise<void> {
    const { language, context, maxTokens, signal } = this.#settings;
    const request: ClipRequest = {
      samples: this.#heard,
      context,
      language,
      prefix,
      temperature: 0,
      seed: 0,
      maxTokens,
    };
    const [answer] = await this.#engine.decode([request], { timing: new Timing(), signal });
    if (answer!.error) throw answer!.error;
    signal?.throwIfAborted();
    this.#raw = answer!.rawText;
    const parsed = parseAnswer(this.#raw, language);
    this.#now = { ...parsed, heardSeconds: this.#heard.length / SAMPLE_RATE };
    this.#steps++;
  }

  /**
   * Appends samples and brings the text up to date as often as they fill a step.
   *
   * @param samples 16 kHz mono in [-1, 1].
   * @returns The text so far.
   */
  async push(samples: Float32Array): Promise<OfficialText> {
    const { stepSamples, unfixedSteps, unfixedTokens } = this.#settings;
    this.#waiting = joinSamples([this.#waiting, samples]).slice();
    while (this.#waiting.length >= stepSamples) {
      this.#take(stepSamples);
      const prefix = this.#steps < unfixedSteps
        ? ""
        : fixedPrefix(this.#engine.tokenizer, this.#raw, unfixedTokens);
      await this.#step(prefix);
    }
    return this.#now;
  }

  /** Hears what is left and returns the final text. */
  async finish(): Promise<OfficialText> {
    const { unfixedSteps, unfixedTokens } = this.#settings;
    if (this.#waiting.length === 0) return this.#now;
    this.#take(this.#waiting.length);
    const { tokenizer } = this.#engine;
    const ids = tokenizer.encode(this.#raw);
    // The official code keeps at least one token here and does not look for broken characters.
    const kept = ids.slice(0, Math.max(1, ids.length - unfixedTokens));
    await this.#step(
      this.#steps < unfixedSteps ? "" : tokenizer.decode(kept, { skipSpecialTokens: false }),
    );
    return this.#now;
  }
}
