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

function refuseControlToken(token: string | undefined, where: string, option: string): void {
  if (token === undefined) return;
  throw new OptionError(
    `The ${where} contains the control token ${token}, which the model does not read as text: take it out`,
    { option },
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
  refuseControlToken(context.match(CONTROL_TOKEN)?.[0], "context", "context");
  const words = new Set(
    hotwords.map((word) => word.trim().replace(/\s+/g, " ")).filter((word) => word !== ""),
  );
  for (const word of words) {
    refuseControlToken(word.match(CONTROL_TOKEN)?.[0], `hot word "${word}"`, "hotwords");
  }
  return [context, [...words].join(", ")].filter((part) => part !== "").join("\n");
}

/**
 * Bytes that a token is taken to have at most: text has three to five, and rows of blanks or dots, which have more, say
 * nothing. A text beyond that is refused without being taken apart.
 */
const BYTES_PER_TOKEN = 16;

/**
 * Counts the tokens of a system turn, and refuses one that is too long: keys and values of all of them are kept for
 * every chunk, and every chunk reads them again.
 *
 * @param options.maxTokens Most tokens of context and hot words together.
 * @throws {OptionError} When there are more; it names the number, the limit, and whether the context or the hot words
 *   are to blame.
 * @example
 * ```ts
 * import { Tokenizer } from "./tokenizer.ts";
 * import { assertThrows } from "@std/assert";
 *
 * const read = (name: string) => Deno.readTextFile(`demo/model/${name}`);
 * const tokenizer = await Tokenizer.fromFiles({
 *   vocabJson: await read("vocab.json"),
 *   mergesText: await read("merges.txt"),
 *   tokenizerConfigJson: await read("tokenizer_config.json"),
 * });
 * const context = "ten yellow windows";
 * assertThrows(() => systemTokens(tokenizer, { context, maxTokens: 2 }), Error, "5 tokens of context");
 * ```
 */
export function systemTokens(
  tokenizer: Tokenizer,
  { maxTokens, ...parts }: SystemContextOptions & { maxTokens: number },
): number {
  const { context = "", hotwords = [] } = parts;
  const contextBytes = new TextEncoder().encode(context).length;
  const wordBytes = new TextEncoder().encode(hotwords.join(", ")).length;
  const maxBytes = maxTokens * BYTES_PER_TOKEN, bytes = contextBytes + wordBytes;
  const tokens = bytes > maxBytes ? Infinity : tokenizer.encode(systemContext(parts)).length;
  if (tokens <= maxTokens) return tokens;
  const what = wordBytes === 0 ? "context" : contextBytes === 0 ? "hot words" : "context and hot words";
  const size = tokens === Infinity
    ? `${bytes} bytes (some ${Math.round(bytes / 4)} tokens)`
    : `${tokens} tokens`;
  throw new OptionError(
    `Cannot use ${size} of ${what}: at most ${maxTokens} tokens are read with every chunk, shorten the text`,
    { option: contextBytes >= wordBytes ? "context" : "hotwords" },
  );
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
  refuseControlToken(tokenizer.controlTokenIn(context), "context", "context");
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
