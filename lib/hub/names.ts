/**
 * Model names: `demo`, `0.6b`, `1.7b-4bit`, `org/name@revision`, folders.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { OptionError } from "../errors.ts";
import { DEMO_NAME, SHORT_NAMES } from "./known_models.ts";

/** What a model name means. */
export type ModelReference =
  | { kind: "demo" }
  | { kind: "folder"; path: string }
  | HubReference;

/** A repository on the hub. */
export interface HubReference {
  /** Tells it from demo and folder. */
  kind: "hub";
  /** `org/name`. */
  repository: string;
  /** Branch, tag or commit; `undefined` means `main`. */
  revision?: string;
}

const SEGMENT = "[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?";
const REPOSITORY = new RegExp(`^(${SEGMENT}/${SEGMENT})(?:@(.+))?$`);

/** Whether a revision can be part of an address and of a path in the cache. */
function isRevision(text: string): boolean {
  return /^[\w.+-]+(\/[\w.+-]+)*$/.test(text) && !text.split("/").some((part) => /^\.+$/.test(part));
}

function looksLikeFolder(name: string): boolean {
  return /^(\.|~|\/|[A-Za-z]:[\\/])|\\|^[^@]*\/[^@]*\//.test(name);
}

/** Smallest number of inserted, removed, replaced or swapped characters that turns `from` into `to`. */
function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let best = Math.min(row[j - 1]! + (same ? 0 : 1), row[j]! + 1, next[j - 1]! + 1);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        best = Math.min(best, before[j - 2]! + 1);
      }
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[to.length]!;
}

/**
 * The candidate closest to a misspelt word.
 *
 * @returns `undefined` when none is close: more than a third of its letters (at least two) would have to change.
 */
export function nearestName(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best !== undefined && bestDistance <= Math.max(2, best.length / 3) ? best : undefined;
}

function hubReference(repository: string, revision?: string): HubReference {
  return revision === undefined ? { kind: "hub", repository } : { kind: "hub", repository, revision };
}

function unknownName(name: string): OptionError {
  const candidates = [DEMO_NAME, ...Object.keys(SHORT_NAMES)];
  const nearest = nearestName(name.replace(/^qwen3-asr-/i, ""), candidates);
  const hint = nearest === undefined ? "" : `did you mean "${nearest}"? `;
  return new OptionError(
    `Unknown model "${name}": ${hint}Known names are ${candidates.join(", ")}; ` +
      `a folder or a hub name like "Qwen/Qwen3-ASR-0.6B" works too`,
  );
}

/**
 * Reads a model name. Nothing is looked up: whether the folder or the repository exists shows later.
 *
 * Short names may be written in any case and with the prefix `qwen3-asr-`.
 *
 * @throws {OptionError} When it is no known short name and cannot be a folder or a repository; the message has the
 * nearest name.
 *
 * @example
 * ```ts
 * import { parseModelName } from "./names.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseModelName("0.6b-4bit"), { kind: "hub", repository: "mlx-community/Qwen3-ASR-0.6B-4bit" });
 * ```
 */
export function parseModelName(name: string | URL): ModelReference {
  if (name instanceof URL || /^[a-z]+:\/\//i.test(name)) return { kind: "folder", path: folderOfUrl(name) };
  const [short = "", revision] = name.split(/@(.*)/s);
  const key = short.toLowerCase().replace(/^qwen3-asr-/, "");
  if (key === DEMO_NAME && revision === undefined) return { kind: "demo" };
  if (looksLikeFolder(name)) return { kind: "folder", path: name };
  if (revision !== undefined && !isRevision(revision)) {
    throw new OptionError(`Cannot use model "${name}": "${revision}" is no branch, tag or commit`);
  }
  const known = Object.hasOwn(SHORT_NAMES, key) ? SHORT_NAMES[key] : undefined;
  if (known !== undefined) return hubReference(known, revision);
  const repository = REPOSITORY.exec(name)?.[1];
  if (repository === undefined || /--|\.\./.test(repository)) throw unknownName(name);
  return hubReference(repository, revision);
}

function folderOfUrl(name: string | URL): string {
  const url = URL.canParse(String(name)) ? new URL(name) : undefined;
  if (url?.protocol === "file:") return fromFileUrl(url);
  throw new OptionError(
    `Cannot use model address "${name}": only file: addresses of folders and hub names are understood`,
  );
}
