/**
 * What a session is told, what it becomes of it, and how it shows it.
 *
 * @module
 */
import { OptionError } from "../../errors.ts";
import { askedLanguage, resolveLanguage } from "../../text/languages.ts";
import type { HearingOptions } from "../ear.ts";
import { type AudioFormat, audioFormatOf, USUAL_FORMAT } from "./audio_format.ts";
import { asObject, asOneOf, asText, asTexts, type JsonObject, refuse, shown } from "./fields.ts";
import { type ServerVad, turnDetectionOf, USUAL_VAD } from "./turn_detection.ts";

/** How long text is held back until it is believed: more is surer. */
const DELAYS = { minimal: 0.5, low: 1, medium: 2, high: 3, xhigh: 4 } as const;
type Delay = keyof typeof DELAYS;

/** Whom and what the session hears; as the client named it. */
export interface TranscriptionSettings {
  model: string | undefined;
  language: string | undefined;
  languages: readonly string[];
  prompt: string | undefined;
  keywords: readonly string[];
  delay: Delay | undefined;
}

/** All of a session. */
export interface SessionSettings {
  format: AudioFormat;
  transcription: TranscriptionSettings;
  /** `undefined`: what goes with the model's name. */
  turnDetection: ServerVad | null | undefined;
  logprobs: boolean;
  /** Whether text that may still change is told too, in an event of our own. */
  tentative: boolean;
}

/** What must be known to read settings. */
export interface SettingsContext {
  /** Names that mean the loaded model; the first is its own. */
  modelNames: () => readonly string[];
  /** Most tokens of prompt and keywords. */
  maxPromptTokens: number;
}

/** A session of which nothing was said. */
export const USUAL_SETTINGS: SessionSettings = {
  format: USUAL_FORMAT,
  transcription: {
    model: undefined,
    language: undefined,
    languages: [],
    prompt: undefined,
    keywords: [],
    delay: undefined,
  },
  turnDetection: undefined,
  logprobs: false,
  tentative: false,
};

/** Models of OpenAI's whose clients say where a turn ends, because theirs have no voice activity. */
const COMMITTED_BY_CLIENTS: readonly string[] = ["gpt-live-transcribe", "gpt-realtime-whisper"];
/** Text has three bytes a token and more: of a longer one it is known, uncounted, that it is too long. */
const BYTES_PER_TOKEN = 16;
const LOGPROBS = "item.input_audio_transcription.logprobs";
const TENTATIVE = "qwen3_asr.tentative";
const MOST_VALUES = 1000;

/** Who ends a turn: null is the client. */
export function detectionOf({ turnDetection, transcription }: SessionSettings): ServerVad | null {
  if (turnDetection !== undefined) return turnDetection;
  return COMMITTED_BY_CLIENTS.includes(transcription.model ?? "") ? null : USUAL_VAD;
}

/** Seconds between two looks at an utterance; undefined: what is usual. */
function stepOf({ transcription: { delay } }: SessionSettings): number | undefined {
  return delay === undefined ? undefined : DELAYS[delay];
}

/** @throws {RealtimeError} When no model here has this name. */
export function checkModelName(param: string, value: unknown, { modelNames }: SettingsContext): string {
  const name = asText(param, value);
  const known = modelNames();
  // Before the first loading only the aliases are known.
  if (known.length === 0 || known.includes(name)) return name;
  return refuse(
    param,
    `The model ${shown(name)} does not exist here; GET /v1/models lists those that do.`,
    "model_not_found",
  );
}

function languageOf(param: string, read: (name: string) => string | undefined, name: string): void {
  try {
    read(name);
  } catch (error) {
    if (error instanceof OptionError) refuse(param, error.message, "unknown_language");
    throw error;
  }
}

function checkLength(param: string, texts: readonly string[], { maxPromptTokens }: SettingsContext): void {
  const bytes = new TextEncoder().encode(texts.join(" ")).length;
  if (bytes <= maxPromptTokens * BYTES_PER_TOKEN) return;
  refuse(
    param,
    `${param} is ${bytes} bytes long, more than ${maxPromptTokens} tokens, the limit of this server.`,
  );
}

function transcriptionOf(
  param: string,
  value: unknown,
  before: TranscriptionSettings,
  context: SettingsContext,
): TranscriptionSettings {
  if (value === null) return USUAL_SETTINGS.transcription;
  const given = asObject(param, value, ["model", "language", "languages", "prompt", "keywords", "delay"]);
  const settings = { ...before };
  if (given["model"] !== undefined) {
    settings.model = given["model"] === null
      ? undefined
      : checkModelName(`${param}.model`, given["model"], context);
  }
  if (given["language"] !== undefined) {
    const language = asText(`${param}.language`, given["language"] ?? "");
    languageOf(`${param}.language`, askedLanguage, language === "" ? "auto" : language);
    settings.language = language === "" ? undefined : language;
    if (settings.language !== undefined) settings.languages = [];
  }
  if (given["languages"] !== undefined) {
    const languages = asTexts(`${param}.languages`, given["languages"] ?? [], MOST_VALUES);
    for (const language of languages) languageOf(`${param}.languages`, resolveLanguage, language);
    if (languages.length > 0 && typeof given["language"] === "string" && given["language"] !== "") {
      refuse(`${param}.languages`, "Give language or languages, not both.");
    }
    settings.languages = languages;
    if (languages.length > 0) settings.language = undefined;
  }
  if (given["prompt"] !== undefined) {
    settings.prompt = asText(`${param}.prompt`, given["prompt"] ?? "") || undefined;
  }
  if (given["keywords"] !== undefined) {
    settings.keywords = asTexts(`${param}.keywords`, given["keywords"] ?? [], MOST_VALUES);
  }
  if (given["delay"] !== undefined) {
    const words = Object.keys(DELAYS) as Delay[];
    settings.delay = given["delay"] === null ? undefined : asOneOf(`${param}.delay`, given["delay"], words);
  }
  checkLength(`${param}.prompt`, [settings.prompt ?? "", ...settings.keywords], context);
  return settings;
}

function includeOf(value: unknown): Pick<SessionSettings, "logprobs" | "tentative"> {
  const include = asTexts("session.include", value ?? [], MOST_VALUES);
  const other = include.find((name) => name !== LOGPROBS && name !== TENTATIVE);
  if (other !== undefined) {
    refuse(
      "session.include",
      `session.include has ${shown(other)}, expected '${LOGPROBS}' or '${TENTATIVE}'.`,
    );
  }
  return { logprobs: include.includes(LOGPROBS), tentative: include.includes(TENTATIVE) };
}

/**
 * Settings with what an update says; what it does not mention stays.
 *
 * @throws {RealtimeError} When something in it is not known or not usable: then nothing of it counts.
 */
export function updated(
  before: SessionSettings,
  update: JsonObject,
  context: SettingsContext,
): SessionSettings {
  const session = asObject("session", update, ["type", "audio", "include"]);
  const type = session["type"] ?? "transcription";
  if (type !== "transcription") {
    refuse("session.type", `session.type is ${shown(type)}: here is 'transcription' only.`, "not_supported");
  }
  const audio = asObject("session.audio", session["audio"] ?? {}, ["input"]);
  const path = "session.audio.input";
  const known = ["format", "noise_reduction", "transcription", "turn_detection"];
  const input = asObject(path, audio["input"] ?? {}, known);
  if ((input["noise_reduction"] ?? null) !== null) {
    refuse(
      `${path}.noise_reduction`,
      "noise_reduction is not offered: the model hears speech in noise as it is. Leave it out or null.",
      "not_supported",
    );
  }
  const { format, transcription: heard, turn_detection: detection } = input;
  return {
    format: format === undefined || format === null ? before.format : audioFormatOf(`${path}.format`, format),
    transcription: heard === undefined
      ? before.transcription
      : transcriptionOf(`${path}.transcription`, heard, before.transcription, context),
    turnDetection: detection === undefined
      ? before.turnDetection
      : turnDetectionOf(`${path}.turn_detection`, detection, detectionOf(before)),
    ...session["include"] === undefined
      ? { logprobs: before.logprobs, tentative: before.tentative }
      : includeOf(session["include"]),
  };
}

/** As `session` stands in events. */
export function sessionObject(
  settings: SessionSettings,
  { id, expiresAt, modelNames }: { id: string; expiresAt: number; modelNames: () => readonly string[] },
): JsonObject {
  const { model, language, languages, prompt, keywords, delay } = settings.transcription;
  const include = [...settings.logprobs ? [LOGPROBS] : [], ...settings.tentative ? [TENTATIVE] : []];
  return {
    type: "transcription",
    id,
    object: "realtime.transcription_session",
    audio: {
      input: {
        format: settings.format,
        noise_reduction: null,
        transcription: {
          model: model ?? modelNames()[0] ?? null,
          language: language ?? null,
          ...languages.length > 0 && { languages },
          prompt: prompt ?? "",
          ...keywords.length > 0 && { keywords },
          ...delay !== undefined && { delay },
        },
        turn_detection: detectionOf(settings),
      },
    },
    include: include.length > 0 ? include : null,
    expires_at: expiresAt,
  };
}

/** What is asked of the live stream. */
export function hearingOptionsOf(settings: SessionSettings): HearingOptions {
  const { language, languages, prompt, keywords } = settings.transcription;
  const detection = detectionOf(settings);
  return {
    language: askedLanguage(language),
    languages: languages.length > 0 ? languages.map(resolveLanguage) : undefined,
    context: prompt,
    hotwords: keywords.length > 0 ? keywords : undefined,
    stepSeconds: stepOf(settings),
    vad: detection === null ? undefined : {
      threshold: detection.threshold,
      minSilenceSeconds: detection.silence_duration_ms / 1000,
      speechPadSeconds: detection.prefix_padding_ms / 1000,
    },
    logprobs: settings.logprobs,
  };
}
