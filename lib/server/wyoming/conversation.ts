/**
 * What is answered to a Wyoming client: it knows of no socket.
 *
 * @module
 */
import { OptionError } from "../../errors.ts";
import { askedLanguage, LANGUAGES } from "../../text/languages.ts";
import { Ear, type HearingOptions, type OpenHearing } from "../ear.ts";
import { JoinedText } from "../joined_text.ts";
import { asTexts } from "../realtime/fields.ts";
import { RealtimeError, realtimeErrorOf } from "../realtime/realtime_error.ts";
import type { WyomingEvent } from "./frames.ts";

const HOME = { name: "Qwen", url: "https://github.com/QwenLM/Qwen3-ASR" };
const MOST_WORDS = 1000;
const LEAST_RATE = 8_000;
const MOST_RATE = 48_000;
const MOST_CHANNELS = 8;

/** What a {@linkcode Conversation} needs. */
export interface ConversationOptions {
  open: OpenHearing;
  /** Names that mean the loaded model; the first is its own. None before the first loading. */
  modelNames: () => readonly string[];
  bufferSeconds: number;
  send: (event: WyomingEvent) => Promise<void>;
}

/** The sound of one utterance. */
interface Listening {
  ear: Ear;
  done: Promise<void>;
}

const NOTHING: HearingOptions = {
  language: undefined,
  languages: undefined,
  context: undefined,
  hotwords: undefined,
  stepSeconds: undefined,
  vad: undefined,
  logprobs: false,
};

function positive(data: WyomingEvent["data"], name: string, least: number, most: number): number {
  const value = data[name];
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RealtimeError(
    "invalid_audio",
    `${name} is ${JSON.stringify(value)}, expected ${least} to ${most}.`,
  );
}

/** The mean of all channels; what is left of a frame at the end is left out. */
function monoOf(payload: Uint8Array, channels: number): Int16Array {
  const count = Math.floor(payload.length / (2 * channels));
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return Int16Array.from({ length: count }, (_, at) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      sum += view.getInt16(2 * (at * channels + channel), true);
    }
    return Math.round(sum / channels);
  });
}

/** One client. */
export class Conversation {
  readonly #options: ConversationOptions;
  #hearing: HearingOptions = NOTHING;
  #listening: Listening | undefined;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /**
   * Takes an event. What is wrong with it is answered.
   *
   * @throws {Error} When the answer cannot be sent.
   */
  async take(event: WyomingEvent): Promise<void> {
    try {
      await this.#take(event);
    } catch (error) {
      const { code, message } = realtimeErrorOf(error);
      await this.#options.send({ type: "error", data: { text: message, code } });
    }
  }

  async #take({ type, data, payload }: WyomingEvent): Promise<void> {
    switch (type) {
      case "describe":
        return await this.#options.send({ type: "info", data: this.#info() });
      case "ping":
        return await this.#options.send({ type: "pong", data: { text: data["text"] ?? null } });
      case "transcribe":
        this.#hearing = this.#hearingOf(data);
        return;
      case "audio-start":
        await this.close();
        this.#listening = this.#listen();
        return;
      case "audio-chunk":
        return this.#push(data, payload ?? new Uint8Array());
      case "audio-stop":
        return await this.#stop();
      default:
        // As the protocol demands, so that newer clients can talk to older servers.
        return;
    }
  }

  #info(): WyomingEvent["data"] {
    const name = this.#options.modelNames()[0] ?? "qwen3-asr";
    const common = { attribution: HOME, installed: true, version: null };
    const languages = LANGUAGES.map(({ code }) => code);
    const model = { ...common, name, description: "Qwen3-ASR", languages };
    const program = {
      ...common,
      name: "qwen3-asr",
      description: "Qwen3-ASR, which writes down speech in 30 languages",
      models: [model],
      supports_transcript_streaming: true,
      requires_external_vad: true,
      prefers_auto_gain_enabled: false,
      prefers_noise_reduction_enabled: false,
    };
    return { asr: [program], tts: [], handle: [], intent: [], wake: [], mic: [], snd: [] };
  }

  #hearingOf(data: WyomingEvent["data"]): HearingOptions {
    const { name, language, transcript_names, transcript_terms } = data;
    const known = this.#options.modelNames();
    if (typeof name === "string" && known.length > 0 && !known.includes(name)) {
      throw new RealtimeError("model_not_found", `The model '${name.slice(0, 100)}' does not exist here.`);
    }
    const words = [
      ...asTexts("transcript_names", transcript_names ?? [], MOST_WORDS),
      ...asTexts("transcript_terms", transcript_terms ?? [], MOST_WORDS),
    ];
    try {
      return {
        ...NOTHING,
        language: askedLanguage(typeof language === "string" ? language : ""),
        hotwords: words.length > 0 ? words : undefined,
      };
    } catch (error) {
      if (error instanceof OptionError) {
        throw new RealtimeError("unknown_language", error.message, { cause: error });
      }
      throw error;
    }
  }

  #listen(): Listening {
    const ear = new Ear(this.#options.open, this.#hearing);
    const done = this.#tell(ear);
    // Who stops waits for it; before, it has nobody.
    done.catch(() => {});
    return { ear, done };
  }

  #push(data: WyomingEvent["data"], payload: Uint8Array): void {
    const rate = positive(data, "rate", LEAST_RATE, MOST_RATE);
    positive(data, "width", 2, 2);
    const samples = monoOf(payload, positive(data, "channels", 1, MOST_CHANNELS));
    const { ear } = this.#listening ??= this.#listen();
    const { bufferSeconds } = this.#options;
    if (ear.lagSeconds + samples.length / rate > bufferSeconds) {
      throw new RealtimeError("buffer_overflow", `More than ${bufferSeconds} s of audio wait to be heard.`);
    }
    if (samples.length > 0) ear.push(samples, rate);
  }

  /** Text while it is spoken, then all of it. */
  async #tell(ear: Ear): Promise<void> {
    const { send } = this.#options;
    const joined = new JoinedText();
    let hasBegun = false;
    const begin = async () => {
      if (!hasBegun) await send({ type: "transcript-start", data: {} });
      hasBegun = true;
    };
    for await (const event of ear.events()) {
      if (!("text" in event)) continue;
      if (event.type === "final") joined.settle(event);
      if (event.type !== "committed" || event.text === "") continue;
      await begin();
      await send({ type: "transcript-chunk", data: { text: joined.added(event) } });
    }
    if (ear.isClosed) return;
    const { text, warnings, languages } = joined;
    if (text === "" && warnings.length > 0) {
      throw new RealtimeError("transcription_failed", warnings.join(" "));
    }
    await begin();
    const language = LANGUAGES.find(({ name }) => name === languages[0])?.code;
    await send({ type: "transcript", data: { text, ...language !== undefined && { language } } });
    await send({ type: "transcript-stop", data: {} });
  }

  async #stop(): Promise<void> {
    const listening = this.#listening ?? this.#listen();
    this.#listening = undefined;
    listening.ear.end();
    try {
      await listening.done;
    } finally {
      await listening.ear.close();
    }
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    await this.#listening?.ear.close();
    this.#listening = undefined;
  }
}
