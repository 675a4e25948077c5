/**
 * A file server on this machine, which misbehaves as a test asks for.
 *
 * @module
 */

/** One request as the server received it. */
export interface Seen {
  path: string;
  range: string | null;
}

/** What goes wrong with an answer. */
export type Mischief = "cut" | "wrong" | "busy";

/** Serves files by path, with ranges. */
export class FileServer implements AsyncDisposable {
  /** Files by path, without a leading slash. */
  readonly files: Map<string, Uint8Array<ArrayBuffer>> = new Map();
  /** Requests so far. */
  readonly seen: Seen[] = [];
  /** What goes wrong with the next answers, by path; each request uses up one entry. */
  readonly mischief: Map<string, Mischief[]> = new Map();
  /** Address, ending with a slash. */
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      {
        hostname: "127.0.0.1",
        port: 0,
        onListen: () => {},
        onError: () => new Response(null, { status: 500 }),
      },
      (request) => this.#answer(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  #answer(request: Request): Response {
    const path = new URL(request.url).pathname.slice(1);
    const range = request.headers.get("range");
    this.seen.push({ path, range });
    const bytes = this.files.get(path);
    if (bytes === undefined) return new Response(null, { status: 404 });
    const mischief = this.mischief.get(path)?.shift();
    if (mischief === "busy") return new Response(null, { status: 503 });
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const part = bytes.slice(start);
    if (mischief === "wrong") part.fill(7, 0, 100);
    const headers = {
      "content-length": String(part.length),
      ...start > 0 ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {},
    };
    const body = mischief === "cut" ? cutInHalf(part) : part;
    return new Response(body, { status: start > 0 ? 206 : 200, headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Sends the first half, then breaks the connection. */
function cutInHalf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isSent = false;
  return new ReadableStream({
    pull(controller) {
      if (isSent) return controller.error(new Error("cut"));
      isSent = true;
      controller.enqueue(bytes.slice(0, bytes.length >> 1));
    },
  });
}

/** SHA-256 in hexadecimal digits. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
