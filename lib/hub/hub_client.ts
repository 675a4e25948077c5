/**
 * The hub's HTTP side: listing a repository, opening a file at an offset, redirects, and errors in plain words.
 *
 * @module
 */
import { isObject } from "../check_options.ts";
import { DownloadError } from "../errors.ts";
import { announcedSize, factsIn, type FileFacts } from "./file_facts.ts";
import { refusalError } from "./refusal.ts";
import {
  type Fetch,
  openedFile,
  type OpenFile,
  passingFailure,
  rangeFrom,
  request,
  withoutQueries,
} from "./request.ts";
import { TransientError } from "./retry.ts";

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** How to reach the hub. */
export interface HubClientOptions {
  /** Address without a slash at its end. */
  endpoint: string;
  /** Access token: sent to the endpoint's own origin and nowhere else. */
  token: string | undefined;
  /** What makes the requests. */
  fetch: Fetch;
}

/** A file in a listing. */
export interface ListedFile extends FileFacts {
  /** Path inside the repository. */
  name: string;
}

/** Files of a commit. */
export interface Listing {
  /** Commit, 40 hexadecimal digits. */
  commit: string;
  /** All files. */
  files: ListedFile[];
}

interface Answer {
  response: Response;
  facts: FileFacts;
}

/** Requests to one hub. */
export class HubClient {
  readonly #options: HubClientOptions;
  readonly #origin: string;

  /** Opens no connection. */
  constructor(options: HubClientOptions) {
    this.#options = options;
    this.#origin = new URL(options.endpoint).origin;
  }

  /**
   * Files of a repository at a branch, tag or commit.
   *
   * @throws {TransientError} When trying again may help.
   * @throws {DownloadError} When it may not: no such repository, not allowed.
   */
  async list(repository: string, revision: string, signal?: AbortSignal): Promise<Listing> {
    const url =
      `${this.#options.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}` +
      "?blobs=true";
    const { response } = await this.#get(url, { what: `${repository}@${revision}`, signal });
    const { sha, siblings } = await readJson(response);
    if (typeof sha !== "string" || !/^[0-9a-f]{40}$/.test(sha) || !Array.isArray(siblings)) {
      throw new DownloadError(
        `${this.#options.endpoint} does not answer like a model hub: no commit or files`,
      );
    }
    return {
      commit: sha,
      files: siblings.filter(isObject).map(listedFile).filter((file) => file.name !== ""),
    };
  }

  /** What the hub says about a file, without its contents. Throws as `list` does. */
  async describe(
    repository: string,
    commit: string,
    name: string,
    signal?: AbortSignal,
  ): Promise<FileFacts> {
    const what = `${repository}/${name}`;
    const { response, facts } = await this.#get(this.#fileUrl(repository, commit, name), {
      what,
      signal,
      method: "HEAD",
    });
    await response.body?.cancel();
    const sizeBytes = facts.sizeBytes ?? announcedSize(response);
    return { ...facts, ...sizeBytes === undefined ? {} : { sizeBytes } };
  }

  /** Opens a file, from `startByte` on if the server can. Throws as `list` does. */
  async open(
    repository: string,
    commit: string,
    name: string,
    { startByte, signal }: { startByte: number; signal?: AbortSignal },
  ): Promise<OpenFile> {
    const what = `${repository}/${name}`;
    const { response, facts } = await this.#get(this.#fileUrl(repository, commit, name), {
      what,
      signal,
      headers: rangeFrom(startByte),
    });
    return openedFile(response, startByte, facts);
  }

  #fileUrl(repository: string, commit: string, name: string): string {
    const path = name.split("/").map(encodeURIComponent).join("/");
    return `${this.#options.endpoint}/${repository}/resolve/${commit}/${path}`;
  }

  /** One request and its redirects; the token goes to the endpoint's own origin only. */
  async #get(
    address: string,
    init: {
      what: string;
      signal?: AbortSignal | undefined;
      method?: string;
      headers?: Record<string, string>;
    },
  ): Promise<Answer> {
    let url = new URL(address);
    let facts: FileFacts = {};
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#request(url, init);
      const target = response.headers.get("location");
      const isRedirect = REDIRECTS.has(response.status) && target !== null;
      facts = factsIn(response.headers, facts, !isRedirect);
      if (!isRedirect) {
        if (!response.ok) throw await this.#failure(response, url, init.what);
        return { response, facts };
      }
      await response.body?.cancel();
      // The size and hash are known now: no need to ask storage, which may refuse HEAD.
      if (init.method === "HEAD" && facts.etag !== undefined && facts.sizeBytes !== undefined) {
        return { response, facts };
      }
      url = new URL(target, url);
      if (!/^https?:$/.test(url.protocol)) {
        throw new DownloadError(
          `${init.what}: the hub redirects to ${url.protocol}, which is no web address`,
        );
      }
    }
    throw new DownloadError(`${init.what}: more than ${MAX_REDIRECTS} redirects`);
  }

  #request(
    url: URL,
    init: {
      what: string;
      signal?: AbortSignal | undefined;
      method?: string;
      headers?: Record<string, string>;
    },
  ): Promise<Response> {
    const token = url.origin === this.#origin ? this.#options.token : undefined;
    return request(this.#options.fetch, url, {
      ...init,
      redirect: "manual",
      headers: { ...init.headers, ...token === undefined ? {} : { authorization: `Bearer ${token}` } },
    });
  }

  async #failure(response: Response, url: URL, what: string): Promise<Error> {
    const { status, headers } = response;
    await response.body?.cancel();
    const said = headers.get("x-error-message");
    const detail = `${status}${said ? `, "${said}"` : ""}`;
    const passing = passingFailure(response, url.host, detail);
    if (passing) return passing;
    // Signed storage addresses expire: a fresh one comes with the next try.
    if (status === 403 && url.origin !== this.#origin) {
      return new TransientError(`${url.host} answers ${detail}`);
    }
    return refusalError(what, { status, code: headers.get("x-error-code"), detail, ...this.#options });
  }
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    throw new TransientError(withoutQueries((error as Error).message));
  }
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** One entry of `siblings`: `{rfilename, size, blobId, lfs: {sha256, size}}`. */
function listedFile(entry: Record<string, unknown>): ListedFile {
  const lfs = isObject(entry.lfs) ? entry.lfs : {};
  const etag = lfs.sha256 ?? lfs.oid ?? entry.blobId;
  const size = lfs.size ?? entry.size;
  return {
    name: typeof entry.rfilename === "string" ? entry.rfilename : "",
    ...typeof etag === "string" ? { etag } : {},
    ...typeof size === "number" ? { sizeBytes: size } : {},
  };
}
