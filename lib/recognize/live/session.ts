/**
 * Live text: sound is pushed, events are read, and two loops work in between. One listens: voice activity, utterances.
 * The other decodes them in their order: steps while they are spoken, a final text at their end.
 *
 * Steps are made at fixed places of the stream, so that text does not depend on how the sound was cut into pushes.
 *
 * @module
 */
import { SAMPLE_RATE, Samples } from "../../audio/samples.ts";
import { OptionError } from "../../errors.ts";
import type { Transcript } from "../../transcript.ts";
import type { VadStream } from "../../vad/stream.ts";
import type { ClipDecoder, Engine } from "../engine.ts";
import { GrowingClip } from "../growing_clip.ts";
import { recognizeRecording } from "../long_form/long_form.ts";
import { Timing } from "../timing.ts";
import type { WordTimer } from "../word_times/word_timer.ts";
import { LiveEvents } from "./events.ts";
import { Hearing, type Utterance } from "./hearing.ts";
import { Intake, joined } from "./intake.ts";
import type { LiveEvent, LiveFinal, LiveStream } from "./live_stream.ts";
import { OfficialRecipe } from "./official.ts";
import type { LiveSettings } from "./settings.ts";
import { Hypotheses } from "./utterance.ts";

/** Sound that goes through voice activity at once, so that the first utterance of much is known early. */
const AT_ONCE = 2 * SAMPLE_RATE;
const CLEARED = "The sound was cleared before it was decoded.";
/** What makes a final text doubtful or incomplete. */
const DOUBTS: readonly string[] = ["chunk-failed", "chunk-doubtful"];

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

/** What a final event says of its utterance's text. */
type FinalText = Omit<LiveFinal, "type" | "utterance" | "startSeconds" | "endSeconds" | "lagSeconds">;

type Command = Float32Array | "cut" | "clear" | "end";

/** What is kept of the utterance that is decoded now. */
interface Current {
  utterance: Utterance;
  clip: GrowingClip;
  hypotheses: Hypotheses;
  /** How far it was heard. */
  atSample: number;
  tentative: string;
}

/** A condition that one loop waits for and others bring about. */
class Bell {
  #ring = Promise.withResolvers<void>();

  ring(): void {
    this.#ring.resolve();
    this.#ring = Promise.withResolvers<void>();
  }

  get rung(): Promise<void> {
    return this.#ring.promise;
  }
}

/**
 * A stream that is being heard: see {@linkcode LiveStream}.
 *
 * An utterance begins with `speech-start`; while it is spoken, `committed` text is appended and `tentative` text follows
 * it; a pause gives `speech-end`, and its `final` text comes when it is decoded, "" where there was none after all.
 */
export class LiveSession implements LiveStream {
  readonly #parts: LiveParts;
  readonly #intake = new Intake();
  readonly #hearing: Hearing;
  readonly #events = new LiveEvents();
  readonly #stop = new AbortController();
  readonly #commands: Command[] = [];
  readonly #came = new Bell();
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
    this.#work = Promise.all(loops).then(
      () => this.#events.close(),
      (error) => {
        this.#events.close({ error: this.#stop.signal.aborted ? this.#stop.signal.reason : error });
        this.#stop.abort(error);
      },
    ).finally(() => {
      signal?.removeEventListener("abort", abort);
      this.#isEnded = true;
    });
    this.#stop.signal.addEventListener("abort", () => {
      this.#came.ring();
      this.#heard.ring();
    });
  }

  get pushedSeconds(): number {
    return this.#intake.seconds;
  }

  get lagSeconds(): number {
    const next = this.#current?.atSample ?? this.#utterances[0]?.startSample ?? this.#hearing.heard;
    const samples = this.#parts.settings.official ? this.#officialSamples : next;
    return Math.max(0, this.#intake.seconds - samples / SAMPLE_RATE);
  }

  push(samples: Float32Array | Int16Array, { sampleRate = SAMPLE_RATE }: { sampleRate?: number } = {}): void {
    this.#assertOpen();
    const taken = this.#intake.push(samples, sampleRate);
    if (taken.length > 0) this.#command(taken);
  }

  cut(): void {
    this.#assertOpen();
    this.#command("cut");
  }

  clear(): void {
    this.#assertOpen();
    this.#command("clear");
  }

  async end(): Promise<void> {
    if (!this.#isEnded) {
      this.#isEnded = true;
      const rest = this.#intake.flush();
      if (rest.length > 0) this.#command(rest);
      this.#command("end");
    }
    await this.#work;
  }

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

  #command(command: Command): void {
    this.#commands.push(command);
    this.#came.ring();
  }

  /** The next command; neighbouring blocks of sound as one. */
  async #next(): Promise<Command> {
    while (this.#commands.length === 0) {
      await this.#came.rung;
      this.#stop.signal.throwIfAborted();
    }
    const first = this.#commands.shift()!;
    if (typeof first === "string") return first;
    const blocks = [first];
    for (let length = first.length; length < AT_ONCE; length += blocks.at(-1)!.length) {
      const next = this.#commands[0];
      if (next === undefined || typeof next === "string") break;
      blocks.push(next);
      this.#commands.shift();
    }
    return joined(blocks);
  }

  async #listen(): Promise<void> {
    const { vad } = this.#parts;
    while (!this.#isHeard) {
      const command = await this.#next();
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
    const place = this.#place(utterance, utterance.endSample);
    let final: FinalText = { text: "", language: "", warning: CLEARED };
    if (!utterance.isCleared) {
      const transcript = await this.#transcript(utterance, clip, hypotheses.draft);
      this.#stop.signal.throwIfAborted();
      final = this.#finalOf(transcript);
      const sound = this.#hearing.soundOf(utterance, utterance.endSample);
      const { text, logprobs } = await hypotheses.rest(sound, transcript);
      const about = { ...place, language: final.language, lagSeconds: this.#lag(utterance.endSample) };
      const sure = this.#parts.settings.recognize.logprobs ? { logprobs } : {};
      if (text !== "") this.#events.push({ type: "committed", text, ...about, ...sure });
    }
    this.#utterances.shift();
    clip[Symbol.dispose]();
    this.#current = undefined;
    this.#hearing.release(utterance);
    this.#events.push({ type: "final", ...place, ...final, lagSeconds: this.#lag(utterance.endSample) });
  }

  /** The utterance as a recording of one chunk: judged, decoded again where it is doubted, with segments and words. */
  async #transcript(utterance: Utterance, clip: GrowingClip, draft: readonly number[]): Promise<Transcript> {
    const { decoder, settings, words } = this.#parts;
    const sound = this.#hearing.soundOf(utterance, utterance.endSample);
    let isFirst = true;
    return await recognizeRecording({
      engine: {
        tokenizer: decoder.tokenizer,
        decode: (requests, context) => {
          const kept = isFirst ? { growing: clip, draft } : {};
          isFirst = false;
          return decoder.decode(requests.map((request) => ({ ...request, ...kept })), context);
        },
      },
      samples: Samples.of(sound),
      chunks: [{ index: 0, startSample: 0, endSample: sound.length, kind: "audio" }],
      speech: this.#hearing.speechOf(utterance),
      settings: {
        ...settings.recognize,
        signal: this.#stop.signal,
        offsetSeconds: utterance.startSample / SAMPLE_RATE,
      },
      timing: new Timing(),
      words: await words(),
      emit: () => {},
    });
  }

  #finalOf({ text, language, segments, chunks, warnings }: Transcript): FinalText {
    const { logprobs, timestamps } = this.#parts.settings.recognize;
    const doubts = warnings.filter(({ code }) => DOUBTS.includes(code)).map(({ message }) => message);
    return {
      text,
      language,
      segments,
      ...(timestamps === "word" ? { words: segments.flatMap(({ words = [] }) => words) } : {}),
      ...(logprobs ? { logprobs: chunks.flatMap(({ logprobs = [] }) => logprobs) } : {}),
      ...(doubts.length > 0 ? { warning: doubts.join(" ") } : {}),
    };
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
    for (let command = await this.#next();; command = await this.#next()) {
      this.#stop.signal.throwIfAborted();
      if (typeof command !== "string") {
        for (let at = 0; at < command.length; at += official.stepSamples) {
          const some = command.subarray(at, at + official.stepSamples);
          const text = await recipe.push(some);
          this.#officialSamples += some.length;
          tell("tentative", text);
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
