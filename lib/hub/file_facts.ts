/**
 * What responses of the hub say about a file in their headers.
 *
 * @module
 */

/** What the hub says about a file. */
export interface FileFacts {
  /** Hash the file is named by: SHA-256 of a large file, git's SHA-1 of a small one. */
  etag?: string;
  /** Size in bytes. */
  sizeBytes?: number;
  /** Commit it belongs to. */
  commit?: string;
}

function cleanEtag(header: string | null): string | undefined {
  return header?.replace(/^W\//, "").replaceAll('"', "") || undefined;
}

/**
 * Facts in one response of the chain. A large file is a redirect to storage, and it is the redirect that knows the
 * file's own hash and size (`X-Linked-*`); what storage says of itself (its etag) means something else.
 */
export function factsIn(headers: Headers, known: FileFacts, isLast: boolean): FileFacts {
  const plain = cleanEtag(headers.get("etag"));
  const etag = known.etag ?? cleanEtag(headers.get("x-linked-etag")) ??
    (isLast && plain !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(plain) ? plain : undefined);
  const linkedSize = headers.get("x-linked-size");
  const sizeBytes = known.sizeBytes ?? (linkedSize === null ? undefined : Number(linkedSize));
  const commit = known.commit ?? headers.get("x-repo-commit") ?? undefined;
  return {
    ...etag === undefined ? {} : { etag },
    ...sizeBytes === undefined ? {} : { sizeBytes },
    ...commit === undefined ? {} : { commit },
  };
}

/** Size of the whole file as the last response of the chain tells it. */
export function announcedSize({ status, headers }: Response): number | undefined {
  const range = /^bytes (?:\d+-\d+|\*)\/(\d+)$/.exec(headers.get("content-range") ?? "");
  if (range) return Number(range[1]);
  const length = headers.get("content-length");
  return status === 200 && length !== null && !headers.has("content-encoding") ? Number(length) : undefined;
}
