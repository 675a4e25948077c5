/**
 * Which files of a repository are needed.
 *
 * @module
 */
import { DownloadError } from "../errors.ts";
import type { FileFacts } from "./file_facts.ts";
import type { ListedFile, Listing } from "./hub_client.ts";
import type { PlannedFile } from "./transfer.ts";

/** What else a plan depends on. */
export interface PlanOptions {
  /** Files found to differ from an earlier listing, by name. */
  changed: ReadonlyMap<string, PlannedFile>;
  /** Asks the hub about a file whose listing lacks hash or size. */
  describe: (name: string) => Promise<FileFacts>;
}

/** Configuration, tokenizer and weights lie at the top; other formats, pictures and texts are not needed. */
function isNeeded({ name }: ListedFile): boolean {
  return /^[\w][\w.+-]*$/.test(name) && /(\.json|\.jinja|\.safetensors|^merges\.txt)$/.test(name);
}

/** Refuses what cannot be a model, before gigabytes of it are fetched. */
function checkKind(repository: string, names: Set<string>): void {
  const missing: string[] = []; // each behind "no"
  if (!names.has("config.json")) missing.push("config.json");
  if (![...names].some((name) => name.endsWith(".safetensors"))) missing.push(".safetensors files");
  if (!names.has("tokenizer.json") && !(names.has("vocab.json") && names.has("merges.txt"))) {
    missing.push("tokenizer");
  }
  if (missing.length === 0) return;
  throw new DownloadError(`${repository} is no Qwen3-ASR model: it has no ${missing.join(", no ")}`);
}

/** A hash can name a file; anything else is made to. */
function blobName(etag: string): string {
  return etag.replace(/[^\w-]/g, "_");
}

/**
 * The files to have, largest first, each with its hash and size.
 *
 * @throws {DownloadError} When the repository cannot be a model, or the hub does not tell a file's size.
 */
export async function planDownload(
  repository: string,
  { commit, files }: Listing,
  { changed, describe }: PlanOptions,
): Promise<PlannedFile[]> {
  const needed = files.filter(isNeeded);
  checkKind(repository, new Set(needed.map((file) => file.name)));
  const plan: PlannedFile[] = [];
  for (const file of needed) {
    const now = changed.get(file.name);
    const isStale = now !== undefined && now.etag !== file.etag;
    const known = isStale ? now : file;
    const facts = known.etag === undefined || known.sizeBytes === undefined
      ? { ...await describe(file.name), ...known }
      : known;
    if (facts.sizeBytes === undefined) {
      throw new DownloadError(`Cannot download ${repository}/${file.name}: the hub does not tell its size`);
    }
    const etag = blobName(facts.etag ?? `${commit}-${file.name}`);
    plan.push({ name: file.name, etag, sizeBytes: facts.sizeBytes });
  }
  return plan.sort((a, b) => b.sizeBytes - a.sizeBytes);
}
