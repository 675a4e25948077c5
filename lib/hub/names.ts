/**
 * Model names: `demo`, `0.6b`, `1.7b-4bit`, `org/name@revision`, folders.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { OptionError } from "../errors.ts";
import { nearestName } from "../nearest_name.ts";
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
  try {
    if (url?.protocol === "file:") return fromFileUrl(url);
  } catch {
    throw new OptionError(
      `Cannot use model address "${name}": it is no path of a file (a "%" is written "%25")`,
    );
  }
  throw new OptionError(
    `Cannot use model address "${name}": only file: addresses of folders and hub names are understood`,
  );
}
