/**
 * Models by name: what names mean, where models lie, and how to get, check and remove them.
 *
 * @example
 * ```ts
 * import { findModel, parseModelName } from "@qwen3/asr/hub";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals((await findModel("demo")).model?.source, "demo");
 * assertEquals(parseModelName("1.7b"), { kind: "hub", repository: "mlx-community/Qwen3-ASR-1.7B-8bit" });
 * ```
 *
 * @module
 */
export {
  type CachedModel,
  type CachedSnapshot,
  listCachedModels,
  type ListOptions,
  removeCachedModel,
} from "./cache.ts";
export type { CacheOptions } from "./cache_layout.ts";
export { downloadModel } from "./download.ts";
export type { DownloadOptions } from "./download_options.ts";
export { type Environment, hubCacheDirectory } from "./environment.ts";
export type { Fetch } from "./request.ts";
export { SHORT_NAMES } from "./known_models.ts";
export { inspectModelDirectory, type ModelDirectory, type ModelFile } from "./model_directory.ts";
export { type HubReference, type ModelReference, parseModelName } from "./names.ts";
export type { DownloadPhase, DownloadProgress } from "./progress.ts";
export {
  findModel,
  type ModelSearch,
  type ModelSource,
  type ResolvedModel,
  resolveModel,
  type ResolveOptions,
} from "./resolve.ts";
export { alignerNameFor, resolveAligner } from "./resolve_aligner.ts";
export { type VerifiedFile, verifyModelDirectory, type VerifyOptions, type VerifyReport } from "./verify.ts";
