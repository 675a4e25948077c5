/**
 * Who may ask: keys, origins, and who counts as one client.
 *
 * @module
 */
import { HttpError } from "./http_error.ts";
import { IGNORED_HEADER } from "./ignored.ts";

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/** Whether digests are equal, in a time that says nothing of where they differ. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** The key in `Authorization: Bearer KEY`. */
export function bearerOf(request: Request): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}

/** The keys that open a server. */
export class Keys {
  readonly #digests: Promise<Uint8Array[]>;
  /** Whether there is any. */
  readonly required: boolean;

  constructor(keys: readonly string[]) {
    this.required = keys.length > 0;
    this.#digests = Promise.all(keys.map(digest));
  }

  /**
   * Checks `Authorization: Bearer KEY` against every key, however early one fits.
   *
   * @returns Which key it was, -1 when none is required.
   * @throws {HttpError} 401.
   */
  async check(request: Request): Promise<number> {
    return await this.checkKey(bearerOf(request));
  }

  /** As {@linkcode check}, for a key that came in another way. */
  async checkKey(given: string | undefined): Promise<number> {
    if (!this.required) return -1;
    const own = await digest(given ?? "");
    let found = -1;
    for (const [index, known] of (await this.#digests).entries()) if (equal(own, known)) found = index;
    if (given !== undefined && found >= 0) return found;
    const message = given === undefined
      ? "An API key is needed: send it as `Authorization: Bearer KEY`."
      : "Incorrect API key provided.";
    throw new HttpError(401, message, {
      code: "invalid_api_key",
      headers: { "www-authenticate": 'Bearer realm="qwen3-asr"' },
    });
  }
}

/** Headers that the pages of an allowed origin may send: what OpenAI's and Vercel's clients add to those of a form. */
const PAGE_HEADERS =
  /^(accept|authorization|content-type|idempotency-key|openai-[a-z-]+|user-agent|x-request-id|x-stainless-[a-z-]+)$/;

/** Those of the headers that a page wants to send which it may send. */
function allowedHeaders(wanted: string | null): string {
  const names = (wanted ?? "authorization,content-type").toLowerCase().split(",").map((name) => name.trim());
  return [...new Set(names)].filter((name) => PAGE_HEADERS.test(name)).join(", ");
}

/** Which pages of other origins may ask. */
export class Origins {
  readonly #allowed: ReadonlySet<string>;

  constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed.map((origin) => origin.replace(/\/$/, "").toLowerCase()));
  }

  #isAllowed(origin: string): boolean {
    return this.#allowed.has("*") || this.#allowed.has(origin.toLowerCase());
  }

  /** Headers that let the page read the answer; none when CORS is off or the origin is another one. */
  headersFor(request: Request): Record<string, string> {
    const origin = request.headers.get("origin");
    if (this.#allowed.size === 0) return {};
    if (origin === null || !this.#isAllowed(origin)) return { "vary": "origin" };
    return {
      "access-control-allow-origin": this.#allowed.has("*") ? "*" : origin,
      "access-control-expose-headers": `retry-after, x-request-id, x-transcript-warnings, ${IGNORED_HEADER}`,
      "vary": "origin",
    };
  }

  /** The answer to a browser that asks whether it may ask. */
  preflight(request: Request): Response {
    const headers = this.headersFor(request);
    if (!("access-control-allow-origin" in headers)) {
      throw new HttpError(403, "Pages of other origins may not use this server: see --cors.");
    }
    return new Response(null, {
      status: 204,
      headers: {
        ...headers,
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": allowedHeaders(
          request.headers.get("access-control-request-headers"),
        ),
        "access-control-max-age": "600",
      },
    });
  }

  /**
   * Refuses what a page of another origin sends without being allowed to read the answer: it costs as much.
   *
   * @throws {HttpError} 403.
   */
  refuseForeignPages(request: Request): void {
    const origin = request.headers.get("origin");
    if (origin === null || this.#isAllowed(origin)) return;
    if (URL.canParse(origin) && new URL(origin).host === new URL(request.url).host) return;
    throw new HttpError(403, "Pages of other origins may not use this server: see --cors.", {
      code: "origin_not_allowed",
    });
  }
}
