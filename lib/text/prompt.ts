/**
 * What the decoder reads before it writes. Spec 7.2.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import { resolveLanguage } from "./languages.ts";
import { languageLine } from "./parse.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { TEXT_TAG } from "./tokenizer_definition.ts";

/** Options of {@linkcode buildPrompt}. */
export interface PromptOptions {
  /** Rows of the encoder's output, see {@linkcode audioTokenCount}. */
  audioTokens: number;
  /** System turn, as given, see {@linkcode systemContext}. @default {""} */
  context?: string | undefined;
  /** Canonical name or code; the model then writes text only. Left out: the model detects it and says so first. */
  language?: string | undefined;
  /** Text the answer begins with; the model goes on from there. @default {""} */
  prefix?: string | undefined;
}

/** Token ids of a prompt. */
export interface Prompt {
  ids: number[];
  /** Index in `ids` of the first audio token; the audio embeddings replace the embeddings from here on. */
  audioStart: number;
  /** Length of that stretch. */
  audioTokens: number;
  /** The prompt as text, with a single `<|audio_pad|>`. */
  text(): string;
}

/** Parts of the system turn. */
export interface SystemContextOptions {
  /** Free text: domain, names, spelling. Passed on as it is. */
  context?: string | undefined;
  /** Words and names to expect. */
  hotwords?: readonly string[] | undefined;
}

const AUDIO = "<|audio_pad|>";
const STOPS = ["<|im_end|>", "<|endoftext|>"];

/** Tokens of Qwen3-ASR that are not text, in whatever vocabulary. Spec 7.1. */
const CONTROL_TOKEN =
  /<\|[a-z_]+\|>|<\/?(?:think|tool_call|tool_response)>|<(?:asr_text|timestamp|non_speech|tts_[a-z_]+|blank\d+)>/;

/**
 * Number of audio tokens for a mel spectrogram: 13 for each block of 100 frames, one per 8 frames begun of the rest.
 * Spec 4.3.
 *
 * @param melFrames Frames of 10 ms.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(audioTokenCount(3000), 390); // 30 s
 * ```
 */
export function audioTokenCount(melFrames: number): number {
  return 13 * Math.floor(melFrames / 100) + Math.ceil((melFrames % 100) / 8);
}

/**
 * Refuses what is not a number of audio tokens.
 *
 * @throws {OptionError}
 */
export function checkAudioTokens(audioTokens: number): void {
  if (Number.isSafeInteger(audioTokens) && audioTokens > 0) return;
  throw new OptionError(`A prompt needs a whole number of audio tokens above 0, got ${audioTokens}`);
}

function refuseControlToken(token: string | undefined, where: string): void {
  if (token === undefined) return;
  throw new OptionError(
    `The ${where} contains the control token ${token}, which the model does not read as text: take it out`,
  );
}

/**
 * Text of the system turn: the context as it is, then the hot words on a line of their own, separated by ", ".
 * Blanks in hot words are made single; empty and repeated ones are dropped.
 *
 * @throws {OptionError} When a control token such as `<|im_end|>` is spelled out; the message names it.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   systemContext({ context: "A talk on speech.", hotwords: ["Qwen", "mel filter"] }),
 *   "A talk on speech.\nQwen, mel filter",
 * );
 * ```
 */
export function systemContext(options: SystemContextOptions = {}): string {
  const { context = "", hotwords = [] } = options;
  refuseControlToken(context.match(CONTROL_TOKEN)?.[0], "context");
  const words = new Set(
    hotwords.map((word) => word.trim().replace(/\s+/g, " ")).filter((word) => word !== ""),
  );
  for (const word of words) refuseControlToken(word.match(CONTROL_TOKEN)?.[0], `hot word "${word}"`);
  return [context, [...words].join(", ")].filter((part) => part !== "").join("\n");
}

function render({ context = "", language, prefix = "" }: PromptOptions): string {
  const forced = language === undefined ? "" : languageLine(resolveLanguage(language));
  return `<|im_start|>system\n${context}<|im_end|>\n` +
    `<|im_start|>user\n<|audio_start|>${AUDIO}<|audio_end|><|im_end|>\n` +
    `<|im_start|>assistant\n${forced}${prefix}`;
}

/**
 * The chat prompt around one clip.
 *
 * @throws {OptionError} When the context spells out a control token, or the language is unknown.
 * @throws {ModelError} When the tokenizer lacks a token of the prompt.
 */
export function buildPrompt(tokenizer: Tokenizer, options: PromptOptions): Prompt {
  const { audioTokens, context = "" } = options;
  checkAudioTokens(audioTokens);
  refuseControlToken(tokenizer.controlTokenIn(context), "context");
  const pad = tokenizer.require(AUDIO);
  for (const token of ["<|im_start|>", ...STOPS, "<|audio_start|>", "<|audio_end|>", TEXT_TAG]) {
    tokenizer.require(token);
  }
  const text = render(options);
  const rendered = tokenizer.encode(text);
  const audioStart = rendered.indexOf(pad);
  const audio = new Array<number>(audioTokens).fill(pad);
  const ids = rendered.slice(0, audioStart).concat(audio, rendered.slice(audioStart + 1));
  return { ids, audioStart, audioTokens, text: () => text };
}

/**
 * The ids that end the model's answer, `<|im_end|>` and `<|endoftext|>`, by name. Spec 8.
 *
 * @throws {ModelError} When the tokenizer lacks one.
 */
export function stopTokens(tokenizer: Tokenizer): number[] {
  return STOPS.map((token) => tokenizer.require(token));
}
