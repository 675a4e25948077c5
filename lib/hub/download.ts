/**
 * Models from the hub into the Hugging Face cache, where Python tools find them too.
 *
 * @module
 */
import { dirname } from "@std/path";
import { DownloadError } from "../errors.ts";
import { findCachedModel } from "./cache.ts";
import { linkIntoSnapshot, type RepositoryLayout, writeRef } from "./cache_layout.ts";
import { digestFile } from "./digest.ts";
import { downloadable, type DownloadOptions, type Settings, settingsOf } from "./download_options.ts";
import { planDownload } from "./download_plan.ts";
import { isOffline } from "./environment.ts";
import type { Listing } from "./hub_client.ts";
import { knownSha256 } from "./known_models.ts";
import { withLock } from "./lock.ts";
import { inspectModelDirectory } from "./model_directory.ts";
import { inParallel } from "./parallel.ts";
import type { ResolvedModel } from "./resolve.ts";
import { GaveUpError, retrying } from "./retry.ts";
import { FileChangedError, type PlannedFile, transferFile } from "./transfer.ts";
import { Watchdog } from "./watchdog.ts";

/** How often a repository may change while it is downloaded. */
const MAX_CHANGES = 3;

async function completeInCache(settings: Settings): Promise<ResolvedModel | undefined> {
  const { reference: { repository }, revision, cacheDirectory } = settings;
  const wanted = revision === "main" ? undefined : revision;
  const snapshot = await findCachedModel(repository, wanted, { cacheDirectory });
  if (!snapshot?.isComplete) return undefined;
  return { directory: snapshot.directory, name: repository, source: "cache" };
}

async function listFiles({ client, reference, revision, policy, stallSeconds }: Settings): Promise<Listing> {
  const { repository } = reference;
  return await retrying(policy, `Listing ${repository}`, async () => {
    using watchdog = new Watchdog(stallSeconds, policy.signal);
    return await client.list(repository, revision, watchdog.signal);
  });
}

async function sizeOf(path: string): Promise<number> {
  return await Deno.stat(path).then((info) => info.size, () => 0);
}

/** Files whose blob is not there in full, and the bytes that are. */
async function missingFiles({ layout, meter }: Settings, files: PlannedFile[]): Promise<PlannedFile[]> {
  const missing: PlannedFile[] = [];
  for (const file of files) {
    if (await Deno.stat(layout.blob(file.etag)).then((info) => info.size === file.sizeBytes, () => false)) {
      meter.add(file.name, file.sizeBytes, { fromDisk: true });
    } else missing.push(file);
  }
  return missing;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

async function checkSpace(
  { layout, cacheDirectory, freeBytes }: Settings,
  missing: PlannedFile[],
): Promise<void> {
  let neededBytes = 0;
  for (const { etag, sizeBytes } of missing) {
    neededBytes += sizeBytes - Math.min(sizeBytes, await sizeOf(`${layout.blob(etag)}.incomplete`));
  }
  const free = await freeBytes(cacheDirectory);
  if (free === undefined || free >= neededBytes) return;
  throw new DownloadError(
    `Not enough space in ${cacheDirectory} for ${layout.repository}: ${gigabytes(neededBytes)} needed, ` +
      `${gigabytes(free)} free; make room, or set HF_HOME to a folder on another disk`,
    { code: "disk-full" },
  );
}

/** Refuses a file that differs from what is known of this very commit. */
async function checkKnown(
  layout: RepositoryLayout,
  commit: string,
  { name, etag }: PlannedFile,
): Promise<void> {
  const known = knownSha256(layout.repository, commit, name);
  if (known === undefined || known === etag) return;
  const actual = await digestFile(layout.blob(etag), "sha256");
  if (actual === known) return;
  await Deno.remove(layout.blob(etag));
  throw new DownloadError(
    `${layout.repository}/${name} is not the file known for this commit: SHA-256 ${actual}, expected ${known}`,
  );
}

async function fetchFile(
  settings: Settings,
  commit: string,
  { file, signal }: { file: PlannedFile; signal: AbortSignal },
): Promise<void> {
  const { layout, meter, client, policy, stallSeconds } = settings;
  const blob = layout.blob(file.etag);
  await withLock(layout.lock(file.etag), async () => {
    if (await sizeOf(blob) === file.sizeBytes && file.sizeBytes > 0) {
      return meter.add(file.name, file.sizeBytes, { fromDisk: true });
    }
    let isFirst = true;
    await transferFile(file, blob, {
      what: `${layout.repository}/${file.name}`,
      open: (startByte, signal) => client.open(layout.repository, commit, file.name, { startByte, signal }),
      policy: { ...policy, signal },
      stallSeconds,
      signal,
      onBytes: (bytes) => {
        meter.add(file.name, bytes, { fromDisk: isFirst });
        isFirst = false;
      },
    });
    await checkKnown(layout, commit, file);
  }, { signal, onWait: () => meter.enter("waiting", file.name) });
}

/** Brings one listing into the cache. */
async function fetchListing(settings: Settings, commit: string, files: PlannedFile[]): Promise<void> {
  const { layout, meter, parallel, signal, revision, cacheDirectory } = settings;
  await Deno.mkdir(dirname(layout.blob("any")), { recursive: true });
  await Deno.mkdir(cacheDirectory, { recursive: true });
  meter.start(files.reduce((sum, file) => sum + file.sizeBytes, 0));
  const missing = await missingFiles(settings, files);
  await checkSpace(settings, missing);
  await inParallel(
    missing,
    { limit: parallel, signal },
    (file, signal) => fetchFile(settings, commit, { file, signal }),
  );
  for (const file of files) await linkIntoSnapshot(layout, commit, file);
  const { problems } = await inspectModelDirectory(layout.snapshot(commit));
  if (problems.length > 0) {
    throw new DownloadError(`${layout.repository} is no usable model: ${problems.join(", ")}`);
  }
  await writeRef(layout, revision, commit);
}

async function fetchRepository(settings: Settings): Promise<ResolvedModel> {
  const { layout, client, meter, policy, stallSeconds } = settings;
  const changed = new Map<string, PlannedFile>();
  for (let changes = 0; changes <= MAX_CHANGES; changes++) {
    meter.enter("listing");
    const listing = await listFiles(settings);
    const describe = (name: string) =>
      retrying(policy, `${layout.repository}/${name}`, async () => {
        using watchdog = new Watchdog(stallSeconds, policy.signal);
        return await client.describe(layout.repository, listing.commit, name, watchdog.signal);
      });
    const files = await planDownload(layout.repository, listing, { changed, describe });
    try {
      await fetchListing(settings, listing.commit, files);
      meter.enter("done");
      return { directory: layout.snapshot(listing.commit), name: layout.repository, source: "cache" };
    } catch (error) {
      if (!(error instanceof FileChangedError)) throw error;
      changed.set(error.now.name, error.now);
    }
  }
  throw new DownloadError(
    `${layout.repository} keeps changing on the hub while it is downloaded; try again later`,
  );
}

/** Turns what the file system refuses into a sentence. */
function explained(error: unknown, cacheDirectory: string): unknown {
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return new DownloadError(
      `Cannot write to the model cache ${cacheDirectory}: ${error.message}; allow it, or set HF_HOME`,
      { cause: error },
    );
  }
  return error;
}

/**
 * Downloads a model into the Hugging Face cache, or what is missing of it. Interrupted downloads go on where they
 * stopped; two processes share one download; every file is checked against the hash the hub names it by. When the hub
 * cannot be reached and the cache has the whole model, that is used.
 *
 * @param name A short name (`0.6b`), `org/name` or `org/name@revision`.
 * @returns The folder with the model's files.
 * @throws {OptionError} When the name is no repository.
 * @throws {DownloadError} When it cannot be had; the message says why and what to do.
 * @throws The signal's reason when it is aborted.
 */
export async function downloadModel(name: string, options: DownloadOptions = {}): Promise<ResolvedModel> {
  const settings = await settingsOf(downloadable(name), options);
  if (isOffline(options.offline, options.environment)) {
    const cached = await completeInCache(settings);
    if (cached !== undefined) return cached;
    throw new DownloadError(
      `Cannot download ${name}: offline (HF_HUB_OFFLINE or --offline), and the cache ${settings.cacheDirectory} lacks it`,
      { code: "offline" },
    );
  }
  try {
    return await fetchRepository(settings);
  } catch (error) {
    const cached = error instanceof GaveUpError ? await completeInCache(settings) : undefined;
    if (cached !== undefined) return cached;
    throw explained(error, settings.cacheDirectory);
  }
}
