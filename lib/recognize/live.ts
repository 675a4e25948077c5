/**
 * Live streams by the official recipe (spec section 12): every `stepSeconds` the model hears all audio so far again and
 * continues the text it wrote before, less its last few tokens.
 *
 * Cost grows with the length of the stream: meant for utterances of up to a minute or two.
 *
 * @module
 */
import { SAMPLE_RATE, Samples } from "../audio/samples.ts";
import { OptionError } from "../errors.ts";
import { parseAnswer } from "../text/answer.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { ClipRequest } from "./clip.ts";
import type { ClipDecoder } from "./engine.ts";
import { Timing } from "./timing.ts";

const UNDECODABLE = "\uFFFD";

/** How a live stream is heard. */
export interface LiveOptions {
  /** Name, code or tag of the language; detected when left out or "auto". */
  language?: string | undefined;
  /** Free text for the system turn. */
  context?: string | undefined;
  /** Words and names to expect. */
  hotwords?: readonly string[] | undefined;
  /** Most tokens of both together. @default {4096, less where memory leaves no room for it} */
  maxPromptTokens?: number | undefined;
  /** Seconds of new audio before the text is brought up to date. @default {2} */
  stepSeconds?: number | undefined;
  /** Steps at the beginning that start from nothing. @default {2} */
  unfixedSteps?: number | undefined;
  /** Tokens at the end of the text that the next step may change. @default {5} */
  unfixedTokens?: number | undefined;
  /** Most tokens a step may add. @default {512} */
  maxTokens?: number | undefined;
  /** Stops a step within one token. */
  signal?: AbortSignal | undefined;
}

/** The text so far. */
export interface LiveText {
  /** What was said. */
  text: string;
  /** Canonical English name, "" when unknown. */
  language: string;
  /** Seconds of audio that the text stands for. */
  heardSeconds: number;
}

/** Checked settings. */
export interface LiveSettings {
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

/** A stream that is being heard. Feed it 16 kHz mono samples; one call at a time. */
export class LiveSession {
  readonly #engine: ClipDecoder;
  readonly #settings: LiveSettings;
  #heard = new Float32Array(0);
  #waiting: Float32Array[] = [];
  #waitingLength = 0;
  #raw = "";
  #steps = 0;
  #now: LiveText = { text: "", language: "", heardSeconds: 0 };
  #busy = false;

  /** Made by the class that hands it out. */
  constructor(engine: ClipDecoder, settings: LiveSettings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /** The text so far. */
  get current(): LiveText {
    return this.#now;
  }

  /** What the decoder has written so far, with its language line. */
  get rawText(): string {
    return this.#raw;
  }

  #take(count: number): void {
    const heard = new Float32Array(this.#heard.length + count);
    heard.set(this.#heard);
    let at = this.#heard.length;
    while (at < heard.length) {
      const block = this.#waiting.shift()!;
      const part = block.subarray(0, heard.length - at);
      heard.set(part, at);
      at += part.length;
      if (part.length < block.length) this.#waiting.unshift(block.subarray(part.length));
    }
    this.#waitingLength -= count;
    this.#heard = heard;
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

  async #oneCall<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new OptionError("Cannot feed a live stream twice at once: await the call before.");
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  /**
   * Appends samples and brings the text up to date as often as they fill a step.
   *
   * @param samples 16 kHz mono in [-1, 1]; copied.
   * @returns The text so far.
   * @throws {AudioError} When a sample is NaN or infinite; nothing is appended then.
   */
  async push(samples: Float32Array): Promise<LiveText> {
    const { stepSamples, unfixedSteps, unfixedTokens } = this.#settings;
    return await this.#oneCall(async () => {
      Samples.of(samples); // refuses what is no number
      this.#waiting.push(samples.slice());
      this.#waitingLength += samples.length;
      while (this.#waitingLength >= stepSamples) {
        this.#take(stepSamples);
        const prefix = this.#steps < unfixedSteps
          ? ""
          : fixedPrefix(this.#engine.tokenizer, this.#raw, unfixedTokens);
        await this.#step(prefix);
      }
      return this.#now;
    });
  }

  /** Hears what is left and returns the final text. */
  async finish(): Promise<LiveText> {
    const { unfixedSteps, unfixedTokens } = this.#settings;
    return await this.#oneCall(async () => {
      if (this.#waitingLength === 0) return this.#now;
      this.#take(this.#waitingLength);
      const { tokenizer } = this.#engine;
      const ids = tokenizer.encode(this.#raw);
      // The official code keeps at least one token here and does not look for broken characters.
      const kept = ids.slice(0, Math.max(1, ids.length - unfixedTokens));
      await this.#step(
        this.#steps < unfixedSteps ? "" : tokenizer.decode(kept, { skipSpecialTokens: false }),
      );
      return this.#now;
    });
  }
}
