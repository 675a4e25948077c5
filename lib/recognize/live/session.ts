/**
 * Live text: sound is pushed, events are read, and two loops work in between. One listens: voice activity, utterances.
 * The other decodes them in their order: steps while they are spoken, a final text at their end.
 *
 * Steps are made at fixed places of the stream, so that text does not depend on how the sound was cut into pushes.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { Bell } from "../../bell.ts";
import { OptionError } from "../../errors.ts";
import type { VadStream } from "../../vad/stream.ts";
import type { ClipDecoder, Engine } from "../engine.ts";
import { GrowingClip } from "../growing_clip.ts";
import type { WordTimer } from "../word_times/word_timer.ts";
import { Commands } from "./commands.ts";
import { LiveEvents } from "./events.ts";
import { type FinalText, finalText, transcribeUtterance } from "./final_text.ts";
import { Hearing, type Utterance } from "./hearing.ts";
import { Intake } from "./intake.ts";
import type { LiveEvent, LiveFinal } from "./live_stream.ts";
import { OfficialRecipe } from "./official.ts";
import type { LiveSettings } from "./settings.ts";
import { Hypotheses } from "./utterance.ts";

/** Sound that goes through voice activity at once, so that the first utterance of much is known early. */
const AT_ONCE = 2 * SAMPLE_RATE;
const CLEARED = "The sound was cleared before it was decoded.";

/** What a live stream is made of. */
export interface LiveParts {
  decoder: ClipDecoder;
  model: Engine["model"];
  /** Voice activity of this stream. */
  vad: Pick<VadStream, "push" | "finish">;
  /** Times words, where they are asked for. */
  words: () => Promise<WordTimer | undefined>;
  settings: LiveSettings;
}

/** What is kept of the utterance that is decoded now. */
interface Current {
  utterance: Utterance;
  clip: GrowingClip;
  hypotheses: Hypotheses;
  /** How far it was heard. */
  atSample: number;
  tentative: string;
}

/**
 * A stream that is being heard: sound goes in, events come out, to one reader.
 *
 * An utterance begins with `speech-start`; while it is spoken, `committed` text is appended and `tentative` text follows
 * it; a pause gives `speech-end`, and its `final` text comes when it is decoded, "" where there was none after all.
 */
export class LiveSession {
  readonly #parts: LiveParts;
  readonly #intake = new Intake();
  readonly #hearing: Hearing;
  readonly #events = new LiveEvents();
  readonly #stop = new AbortController();
  readonly #commands = new Commands(this.#stop.signal);
  readonly #heard = new Bell();
  readonly #work: Promise<void>;
  /** Utterances that are not decoded yet. */
  readonly #utterances: Utterance[] = [];
  #current: Current | undefined;
  /** Whether the sound has ended, for those who push and for the one who decodes. */
  #isEnded = false;
  #isHeard = false;
  /** Samples that the official recipe has heard. */
  #officialSamples = 0;

  /** Made by the class that hands it out. */
  constructor(parts: LiveParts) {
    this.#parts = parts;
    const { settings } = parts;
    this.#hearing = new Hearing(settings, (type, utterance) => {
      if (type === "start") this.#utterances.push(utterance);
      const end = type === "start" ? utterance.startSample : utterance.endSample;
      this.#events.push({ type: `speech-${type}`, ...this.#place(utterance, end) });
    });
    const { signal } = settings.recognize;
    const abort = () => this.#stop.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    const loops = settings.official ? [this.#recite()] : [this.#listen(), this.#decode()];
    const fail = (error: unknown) => {
      this.#events.close({ error: this.#stop.signal.aborted ? this.#stop.signal.reason : error });
      this.#stop.abort(error);
    };
    // Both, also when one has failed: whoever waits may free the model.
    this.#work = Promise.all(loops.map((loop) => loop.catch(fail))).then(() => {
      this.#events.close();
      signal?.removeEventListener("abort", abort);
      this.#isEnded = true;
    });
    this.#stop.signal.addEventListener("abort", () => this.#heard.ring());
  }

  /** Seconds of sound that were pushed. */
  get pushedSeconds(): number {
    return this.#intake.seconds;
  }

  /** Seconds of sound that were pushed and are not yet heard. */
  get lagSeconds(): number {
    const next = this.#current?.atSample ?? this.#utterances[0]?.startSample ?? this.#hearing.heard;
    const samples = this.#parts.settings.official ? this.#officialSamples : next;
    return Math.max(0, this.#intake.seconds - samples / SAMPLE_RATE);
  }

  /**
   * Appends sound; returns at once, never waits for recognition.
   *
   * @param samples Mono, [-1, 1] or 16 bits; copied.
   * @throws {AudioError} When a sample is NaN or infinite: nothing is appended then.
   * @throws {OptionError} When the stream has ended or the rate is not usable.
   */
  push(samples: Float32Array | Int16Array, { sampleRate = SAMPLE_RATE }: { sampleRate?: number } = {}): void {
    this.#assertOpen();
    const taken = this.#intake.push(samples, sampleRate);
    if (taken.length > 0) this.#commands.push(taken);
  }

  /** Ends the utterance with what was pushed so far, as a pause would; nothing happens when there is none. */
  cut(): void {
    this.#assertOpen();
    this.#commands.push("cut");
  }

  /** Forgets what was pushed and is not part of a cut utterance. */
  clear(): void {
    this.#assertOpen();
    this.#commands.push("clear");
  }

  /** No more sound comes: what is left is heard. Resolves when the last event is there to be read. */
  async end(): Promise<void> {
    if (!this.#isEnded) {
      this.#isEnded = true;
      const rest = this.#intake.flush();
      if (rest.length > 0) this.#commands.push(rest);
      this.#commands.push("end");
    }
    await this.#work;
  }

  /** Events as they come, to one reader; throws what went wrong. */
  [Symbol.asyncIterator](): AsyncGenerator<LiveEvent, void> {
    return this.#events.read();
  }

  /** Ends it without waiting for the text of what was pushed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    this.#stop.abort(new DOMException("The live stream was closed.", "AbortError"));
    await this.#work;
  }

  #assertOpen(): void {
    this.#stop.signal.throwIfAborted();
    if (this.#isEnded) {
      throw new OptionError("Cannot push into a live stream that has ended: begin a new one.");
    }
  }

  async #listen(): Promise<void> {
    const { vad } = this.#parts;
    while (!this.#isHeard) {
      const command = await this.#commands.next(AT_ONCE);
      this.#stop.signal.throwIfAborted();
      if (command === "cut") this.#hearing.cut();
      else if (command === "clear") this.#hearing.clear();
      else if (command === "end") {
        this.#hearing.frames(await vad.finish());
        this.#hearing.cut();
        this.#isHeard = true;
      } else {
        for (let at = 0; at < command.length; at += AT_ONCE) {
          const some = command.subarray(at, at + AT_ONCE);
          this.#hearing.append(some);
          this.#hearing.frames(await vad.push(some));
          this.#heard.ring();
        }
      }
      this.#heard.ring();
    }
  }

  async #decode(): Promise<void> {
    try {
      while (true) {
        this.#stop.signal.throwIfAborted();
        const [utterance] = this.#utterances;
        if (!utterance) {
          if (this.#isHeard) return;
          await this.#heard.rung;
          continue;
        }
        const current = this.#current ??= this.#begin(utterance);
        const next = utterance.isCleared ? undefined : this.#nextStep(current);
        if (next !== undefined) await this.#step(current, next);
        else if (utterance.endedAtSample === undefined) await this.#heard.rung;
        else await this.#finish(current);
      }
    } finally {
      this.#current?.clip[Symbol.dispose]();
      this.#current = undefined;
    }
  }

  #begin(utterance: Utterance): Current {
    const { model, decoder, settings } = this.#parts;
    const clip = new GrowingClip(model);
    const recognize = { ...settings.recognize, signal: this.#stop.signal };
    const hypotheses = new Hypotheses(decoder, clip, recognize, settings);
    return { utterance, clip, hypotheses, atSample: utterance.startSample, tentative: "" };
  }

  /** Where the next step is made; undefined when there is none for now. */
  #nextStep(current: Current): number | undefined {
    const { stepSamples, onOverload } = this.#parts.settings;
    const { utterance: { endedAtSample }, atSample } = current;
    const heard = Math.min(this.#hearing.heard, endedAtSample ?? Infinity);
    const next = atSample + stepSamples;
    if (endedAtSample === undefined ? next > heard : next >= heard) return undefined;
    const behind = Math.floor((heard - next) / stepSamples);
    if (onOverload === "wait") return next;
    // It is over: its final text is what is waited for.
    if (endedAtSample !== undefined) return undefined;
    if (onOverload === "drop-tentative" && (behind > 1 || this.#utterances.length > 1)) {
      current.atSample += behind * stepSamples;
      return undefined;
    }
    return next + behind * stepSamples;
  }

  async #step(current: Current, atSample: number): Promise<void> {
    const { utterance, hypotheses } = current;
    const isSpoken = this.#hearing.isSpoken(current.atSample, atSample);
    current.atSample = atSample;
    if (!isSpoken) return;
    const sound = this.#hearing.soundOf(utterance, atSample);
    const result = await hypotheses.step(sound);
    if (!result || utterance.isCleared) return;
    const { committed, tentative, language, logprobs } = result;
    const about = { ...this.#place(utterance, atSample), language, lagSeconds: this.#lag(atSample) };
    if (committed !== "") {
      const sure = this.#parts.settings.recognize.logprobs ? { logprobs } : {};
      this.#events.push({ type: "committed", text: committed, ...about, ...sure });
    }
    if (committed !== "" || tentative !== current.tentative) {
      this.#events.push({ type: "tentative", text: tentative, ...about });
    }
    current.tentative = tentative;
  }

  async #finish({ utterance, clip, hypotheses }: Current): Promise<void> {
    const { decoder, settings, words } = this.#parts;
    const place = this.#place(utterance, utterance.endSample);
    let final: FinalText = { text: "", language: "", warning: CLEARED };
    if (!utterance.isCleared) {
      const sound = this.#hearing.soundOf(utterance, utterance.endSample);
      const transcript = await transcribeUtterance({
        decoder,
        samples: sound,
        speech: this.#hearing.speechOf(utterance),
        startSample: utterance.startSample,
        clip,
        draft: hypotheses.draft,
        words: await words(),
        settings: { ...settings.recognize, signal: this.#stop.signal },
      });
      this.#stop.signal.throwIfAborted();
      final = finalText(transcript, settings.recognize);
      const { text, logprobs } = await hypotheses.rest(sound, transcript);
      const about = { ...place, language: final.language, lagSeconds: this.#lag(utterance.endSample) };
      const sure = settings.recognize.logprobs ? { logprobs } : {};
      if (text !== "") this.#events.push({ type: "committed", text, ...about, ...sure });
    }
    this.#utterances.shift();
    clip[Symbol.dispose]();
    this.#current = undefined;
    this.#hearing.release(utterance);
    this.#events.push({ type: "final", ...place, ...final, lagSeconds: this.#lag(utterance.endSample) });
  }

  #place(
    { index, startSample }: Pick<Utterance, "index" | "startSample">,
    endSample: number,
  ): Pick<LiveFinal, "utterance" | "startSeconds" | "endSeconds"> {
    return {
      utterance: index,
      startSeconds: startSample / SAMPLE_RATE,
      endSeconds: endSample / SAMPLE_RATE,
    };
  }

  #lag(sample: number): number {
    return Math.max(0, Math.round((this.#intake.seconds - sample / SAMPLE_RATE) * 1000) / 1000);
  }

  /** The official recipe: the stream is one utterance, and all of its text tentative until it ends. */
  async #recite(): Promise<void> {
    const { decoder, settings } = this.#parts;
    const official = { ...settings.official!, signal: this.#stop.signal };
    let recipe = new OfficialRecipe(decoder, official);
    let utterance = 0, startSample = 0;
    const tell = (type: "tentative" | "final", { text, language }: { text: string; language: string }) => {
      const place = this.#place({ index: utterance, startSample }, this.#officialSamples);
      this.#events.push({ type, text, language, ...place, lagSeconds: this.#lag(this.#officialSamples) });
    };
    for (let command = await this.#commands.next(AT_ONCE);; command = await this.#commands.next(AT_ONCE)) {
      this.#stop.signal.throwIfAborted();
      if (typeof command !== "string") {
        for (let at = 0; at < command.length; at += official.stepSamples) {
          const some = command.subarray(at, at + official.stepSamples);
          const before = recipe.heardSeconds;
          const text = await recipe.push(some);
          this.#officialSamples += some.length;
          if (recipe.heardSeconds > before) tell("tentative", text);
        }
        continue;
      }
      if (command === "clear") recipe = new OfficialRecipe(decoder, official);
      tell("final", await recipe.finish());
      if (command === "end") return;
      recipe = new OfficialRecipe(decoder, official);
      utterance++;
      startSample = this.#officialSamples;
    }
  }
}
