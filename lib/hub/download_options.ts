/**
 * What can be said about a download, and what holds when nothing is said.
 *
 * @module
 */
import {
  callback,
  checkOptions,
  flag,
  notNegative,
  positive,
  type Rules,
  signal as abortSignal,
  text,
  wholeFrom,
} from "../check_options.ts";
import { OptionError } from "../errors.ts";
import { cacheDirectoryOf, type CacheOptions, RepositoryLayout } from "./cache_layout.ts";
import { freeDiskBytes } from "./disk_space.ts";
import { hubEndpoint, hubToken, processEnvironment } from "./environment.ts";
import { HubClient } from "./hub_client.ts";
import type { Fetch } from "./request.ts";
import { type HubReference, parseModelName } from "./names.ts";
import { type DownloadProgress, ProgressMeter } from "./progress.ts";
import type { RetryPolicy } from "./retry.ts";

/** How to download. */
export interface DownloadOptions extends CacheOptions {
  /**
   * Access token for gated and private models. It goes to the endpoint only, never where that redirects to.
   *
   * @default {`HF_TOKEN`, or the token that `hf auth login` saved}
   */
  token?: string | undefined;
  /**
   * Address of the hub or of a mirror.
   *
   * @default {`HF_ENDPOINT`, or the public hub}
   */
  endpoint?: string | undefined;
  /**
   * Branch, tag or commit.
   *
   * @default {the one after `@` in the name, or `main`}
   */
  revision?: string | undefined;
  /** Stops; what came so far is kept, and the next download goes on from there. */
  signal?: AbortSignal | undefined;
  /** Called often: before each phase, and for every piece of data. */
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /**
   * Whether to use only what is in the cache.
   *
   * @default {`HF_HUB_OFFLINE`}
   */
  offline?: boolean | undefined;
  /**
   * Files downloaded at the same time.
   *
   * @default {4}
   */
  parallel?: number | undefined;
  /**
   * What makes the requests.
   *
   * @default {the global `fetch`}
   */
  fetch?: Fetch | undefined;
  /**
   * Failures in a row, without progress between them, after which it is over.
   *
   * @default {5}
   */
  retries?: number | undefined;
  /**
   * First pause before trying again; each next one is twice as long, up to 30 s. A `Retry-After` goes first.
   *
   * @default {1}
   */
  retryDelaySeconds?: number | undefined;
  /**
   * Silence after which a connection counts as lost.
   *
   * @default {30}
   */
  stallSeconds?: number | undefined;
  /**
   * Tells how many bytes can be written under a folder; `undefined` means unknown and is no obstacle.
   *
   * @default {what the system or `df` says}
   */
  freeBytes?: ((directory: string) => Promise<number | undefined>) | undefined;
}

/** What they must be. */
const DOWNLOAD_RULES: Rules<DownloadOptions> = {
  token: text,
  endpoint: text,
  revision: text,
  signal: abortSignal,
  onProgress: callback,
  offline: flag,
  parallel: wholeFrom(1),
  fetch: callback,
  retries: notNegative,
  retryDelaySeconds: notNegative,
  stallSeconds: positive,
  freeBytes: callback,
  cacheDirectory: text,
  environment: callback,
};

/** What a download works with. */
export interface Settings {
  /** What to download. */
  reference: HubReference;
  /** Branch, tag or commit. */
  revision: string;
  /** Where it goes. */
  layout: RepositoryLayout;
  /** The cache it goes into. */
  cacheDirectory: string;
  /** Where it comes from. */
  client: HubClient;
  /** How often to try again. */
  policy: RetryPolicy;
  /** Files at the same time. */
  parallel: number;
  /** Silence after which a connection counts as lost. */
  stallSeconds: number;
  /** Stops. */
  signal: AbortSignal | undefined;
  /** Room on the disk. */
  freeBytes: (directory: string) => Promise<number | undefined>;
  /** Tells how far it is. */
  meter: ProgressMeter;
}

/** The repository a name means; what needs no download is an error. */
export function downloadable(name: string): HubReference {
  const reference = parseModelName(name);
  if (reference.kind === "hub") return reference;
  const what = reference.kind === "demo" ? "it comes with this package" : "it is a folder";
  throw new OptionError(`Cannot download model "${name}": ${what}`);
}

/** Options with all defaults filled in. */
export async function settingsOf(reference: HubReference, options: DownloadOptions): Promise<Settings> {
  checkOptions(options, DOWNLOAD_RULES);
  const environment = options.environment ?? processEnvironment;
  const cacheDirectory = cacheDirectoryOf(options);
  const { signal, parallel = 4, retries = 5, retryDelaySeconds = 1, stallSeconds = 30 } = options;
  return {
    reference,
    revision: options.revision ?? reference.revision ?? "main",
    layout: new RepositoryLayout(cacheDirectory, reference.repository),
    cacheDirectory,
    client: new HubClient({
      endpoint: hubEndpoint(options.endpoint, environment),
      token: await hubToken(options.token, environment),
      fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    }),
    policy: { retries, delaySeconds: retryDelaySeconds, signal },
    parallel,
    stallSeconds,
    signal,
    freeBytes: options.freeBytes ?? freeDiskBytes,
    meter: new ProgressMeter(reference.repository, options.onProgress),
  };
}
