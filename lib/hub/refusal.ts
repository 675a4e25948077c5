/**
 * A hub's refusal in plain words: what is wrong, and what to do.
 *
 * @module
 */
import { DownloadError } from "../errors.ts";

/** A refusal. */
export interface Refusal {
  /** HTTP status. */
  status: number;
  /** The hub's `X-Error-Code`: `GatedRepo`, `RepoNotFound`, `RevisionNotFound`, `EntryNotFound`. */
  code: string | null;
  /** Status and the hub's own words, to quote. */
  detail: string;
  /** Address of the hub. */
  endpoint: string;
  /** The access token that was sent. */
  token: string | undefined;
}

/** The error for a refusal to hand out `what` ("org/name@main", "org/name/config.json"). */
export function refusalError(what: string, refusal: Refusal): DownloadError {
  const isDenied = refusal.status === 401 || refusal.status === 403 || refusal.code === "GatedRepo";
  return new DownloadError(sentenceFor(what, refusal), isDenied ? { code: "access-denied" } : {});
}

function sentenceFor(what: string, { status, code, detail, endpoint, token }: Refusal): string {
  if (code === "GatedRepo") {
    const page = `${endpoint}/${what.split(/[/@]/).slice(0, 2).join("/")}`;
    return `Cannot download ${what}: it is gated (${detail}); accept its terms at ${page} and set HF_TOKEN`;
  }
  if (status === 401 && token !== undefined && code !== "RepoNotFound") {
    return `Cannot download ${what}: the hub refuses the access token (${detail}); check HF_TOKEN`;
  }
  if (status === 401) {
    return `Cannot download ${what}: there is no such public model (${detail}); check the name, ` +
      "or set HF_TOKEN if it is private";
  }
  if (status === 403) return `Cannot download ${what}: not allowed (${detail}); check what HF_TOKEN may read`;
  if (status === 404) {
    const missing = code === "RevisionNotFound" ? "no such revision" : "not found";
    return `Cannot download ${what}: ${missing} on ${endpoint} (${detail}); check the name`;
  }
  return `Cannot download ${what}: ${endpoint} answers ${detail}`;
}
