/**
 * Models by name: what names mean, where models lie, and how to get them.
 *
 * @module
 */
export * from "./cache.ts";
export { type CacheOptions } from "./cache_layout.ts";
export { downloadModel } from "./download.ts";
export { type DownloadOptions } from "./download_options.ts";
export {
  DEFAULT_ENDPOINT,
  type Environment,
  hubCacheDirectory,
  isOffline,
  processEnvironment,
} from "./environment.ts";
export { fetchFile, type FetchFileOptions } from "./fetch_file.ts";
export { type Fetch } from "./hub_client.ts";
export * from "./known_models.ts";
export * from "./model_directory.ts";
export { type HubReference, type ModelReference, parseModelName } from "./names.ts";
export { packagedFolder, type PackagedOptions, userCache } from "./packaged.ts";
export { type DownloadPhase, type DownloadProgress } from "./progress.ts";
export * from "./resolve.ts";
export * from "./verify.ts";
