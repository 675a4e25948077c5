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
export { ForcedAligner, type LoadAlignerOptions } from "./lib/forced_aligner.ts";
export { Qwen3ASR } from "./lib/qwen3_asr.ts";
export type { LoadOptions, ModelInfo } from "./lib/open_model.ts";
export type { SamplingOptions, TranscribeOptions } from "./lib/recognize/options.ts";
export type {
  ChunkEvent,
  DeltaEvent,
  DoneEvent,
  LanguageEvent,
  StartEvent,
  TranscriptEvent,
} from "./lib/recognize/events.ts";
export type { LiveOptions, LiveSession, LiveText } from "./lib/recognize/live.ts";
export type { InspectOptions } from "./lib/recognize/trace.ts";
export type {
  AttentionTrace,
  CacheSize,
  ChunkTrace,
  ClipTimes,
  ClipTrace,
  EnergyCurve,
  PlannedChunk,
  Tensor,
  TokenCandidate,
  Trace,
  TraceStep,
} from "./lib/recognize/trace_result.ts";
export type { SpeechActivity, SpeechInterval } from "./lib/audio/speech.ts";
export { chromeTrace } from "./lib/recognize/chrome_trace.ts";
export type { StageSpan } from "./lib/recognize/timing.ts";
export type {
  ChunkResult,
  Coverage,
  FinishReason,
  Rescue,
  Segment,
  Timing,
  TokenLogprob,
  Transcript,
  TranscriptStats,
  Word,
} from "./lib/transcript.ts";
export type { ActivationType, BackendPolicy, Device } from "./lib/model/backend.ts";
export {
  type AudioDecoder,
  type AudioSource,
  loadAudio,
  type LoadedAudio,
  type LoadOptions as LoadAudioOptions,
} from "./lib/audio/load.ts";
export type { Clip } from "./lib/audio/pcm.ts";
export type { Samples } from "./lib/audio/samples.ts";
export {
  AudioError,
  DiskFullError,
  DownloadError,
  ModelError,
  OptionError,
  Qwen3ASRError,
} from "./lib/errors.ts";
export {
  deviceCount,
  LibraryError,
  type LibraryInfo,
  libraryInfo,
  MLXError,
  openLibrary,
  readSafetensorsHeader,
} from "./ffi/mod.ts";
export { joinTexts } from "./lib/text/join.ts";
export {
  type Language,
  languageCode,
  LANGUAGES,
  mergeLanguages,
  resolveLanguage,
} from "./lib/text/languages.ts";
export {
  type CueOptions,
  displayWidth,
  type FormatOptions,
  formatTranscript,
  OUTPUT_FORMATS,
  type OutputFormat,
  parseFormat,
} from "./lib/output/mod.ts";
export {
  type CachedModel,
  type CachedSnapshot,
  type CacheOptions,
  downloadModel,
  type DownloadOptions,
  type DownloadPhase,
  type DownloadProgress,
  type Environment,
  type Fetch,
  type FetchFileOptions,
  findModel,
  hubCacheDirectory,
  type HubReference,
  inspectModelDirectory,
  listCachedModels,
  type ListOptions,
  type ModelDirectory,
  type ModelFile,
  type ModelReference,
  type ModelSearch,
  type ModelSource,
  nearestName,
  parseModelName,
  processEnvironment,
  removeCachedModel,
  type ResolvedModel,
  resolveModel,
  type ResolveOptions,
  SHORT_NAMES,
  type VerifiedFile,
  verifyModelDirectory,
  type VerifyOptions,
  type VerifyReport,
} from "./lib/hub/mod.ts";
export {
  type Backend,
  type Bundle,
  type BundlePart,
  type InstalledLibrary,
  type Platform,
  setupLibrary,
  type SetupOptions,
  type SetupProgress,
} from "./lib/setup/mod.ts";

if (import.meta.main) {
  // Not awaited: the command line imports this module, which must have ended by then.
  (Deno.args[0] === "serve"
    ? import("./lib/server/command.ts").then(({ runServe }) => runServe(Deno.args.slice(1)))
    : import("./lib/cli/main.ts").then(({ main }) => main(Deno.args))).then((code) => Deno.exit(code));
}
