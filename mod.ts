/**
 * Qwen3-ASR on your own machine: speech recognition in 30 languages through Apple's MLX, from Deno.
 *
 * Importing opens nothing and needs no permission.
 *
 * @example
 * ```ts
 * import { Qwen3ASR } from "@qwen3/asr";
 * import { assertEquals } from "@std/assert";
 *
 * await using asr = await Qwen3ASR.load("demo");
 * const { text } = await asr.transcribe("demo/recordings/dev-04-en.wav");
 * assertEquals(text, "Please find the brown phone.");
 * ```
 *
 * @module
 */
export { ForcedAligner } from "./lib/forced_aligner.ts";
export type { LoadOptions, ModelInfo } from "./lib/open_model.ts";
export { Qwen3ASR } from "./lib/qwen3_asr.ts";
export { type AudioSource, loadAudio, type LoadAudioOptions, type LoadedAudio } from "./lib/audio/load.ts";
export type { TimeRange } from "./lib/audio/pcm.ts";
export type { Samples } from "./lib/audio/samples.ts";
export {
  AudioError,
  DownloadError,
  type ErrorCode,
  ModelError,
  OptionError,
  Qwen3ASRError,
} from "./lib/errors.ts";
export { LibraryError, MLXError } from "./ffi/mod.ts";
export { type FormatOptions, formatTranscript, type OutputFormat } from "./lib/output/mod.ts";
export { chromeTrace } from "./lib/recognize/chrome_trace.ts";
export type { TranscriptEvent } from "./lib/recognize/events.ts";
export type { LiveEvent } from "./lib/recognize/live/live_stream.ts";
export type { LiveOptions } from "./lib/recognize/live/options.ts";
export type { LiveSession } from "./lib/recognize/live/session.ts";
export type { InspectOptions } from "./lib/recognize/inspection/inspect.ts";
export type { SamplingOptions, TranscribeOptions } from "./lib/recognize/options.ts";
export type { StageSpan } from "./lib/recognize/timing.ts";
export type {
  AttentionTrace,
  CacheSize,
  ChunkTrace,
  ClipTrace,
  EnergyCurve,
  SpeechActivity,
  Tensor,
  TokenCandidate,
  Trace,
  TraceStep,
} from "./lib/recognize/inspection/trace.ts";
export { type Language, LANGUAGES } from "./lib/text/languages.ts";
export type {
  ChunkResult,
  Coverage,
  FinishReason,
  Rescue,
  Segment,
  SkippedSound,
  TokenLogprob,
  Transcript,
  TranscriptStats,
  Warning,
  WarningCode,
  Word,
} from "./lib/transcript.ts";

export type { VadOptions } from "./lib/vad/intervals.ts";

if (import.meta.main) {
  // Not awaited, which would make every import of this module wait a turn.
  (Deno.args[0] === "serve"
    ? import("./lib/server/command.ts").then(({ runServe }) => runServe(Deno.args.slice(1)))
    : import("./lib/cli/main.ts").then(({ main }) => main(Deno.args))).then((code) => Deno.exit(code));
}
