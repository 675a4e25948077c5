/**
 * A model hub on this machine, for tests: the API and its redirects on one port, storage on another, and every kind of
 * misbehaviour on request.
 *
 * @module
 */

/** Deterministic bytes that do not repeat. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A safetensors file with one tensor of `length` bytes. */
export function safetensors(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const header = new TextEncoder().encode(
    JSON.stringify({ weight: { dtype: "U8", shape: [length], data_offsets: [0, length] } }),
  );
  const file = new Uint8Array(8 + header.length + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  file.set(noise(length, seed), 8 + header.length);
  return file;
}

/** Files of a model repository: weights of `weightBytes` bytes, and some files that are not needed. */
export function modelFiles(weightBytes = 300_000, seed = 1): Record<string, Uint8Array<ArrayBuffer>> {
  const text = (value: string) => new TextEncoder().encode(value);
  return {
    "config.json": text(JSON.stringify({ model_type: "qwen3_asr", seed })),
    "vocab.json": text('{"a":0}'),
    "merges.txt": text("#version: 0.2\n"),
    "tokenizer_config.json": text("{}"),
    "model.safetensors": safetensors(weightBytes, seed),
    "pytorch_model.bin": noise(5000, seed),
    "README.md": text("# A model\n"),
    "onnx/model.onnx": noise(5000, seed),
  };
}

async function hexDigest(kind: "SHA-1" | "SHA-256", bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest(kind, bytes)).toHex();
}

/** One request as a server received it. */
export interface SeenRequest {
  server: "hub" | "storage";
  method: string;
  path: string;
  range: string | null;
  authorization: string | null;
}

interface HubFile {
  bytes: Uint8Array<ArrayBuffer>;
  /** Large files are redirected to storage. */
  isLarge: boolean;
  etag: string;
}

/** Answers a request for a file in place of the hub; `undefined` leaves it to the hub. */
export type Fault = (name: string, request: Request) => Response | Promise<Response> | undefined;

/** A hub with one repository. */
export class FakeHub implements AsyncDisposable {
  /** `org/name` of the repository. */
  repository = "tester/tiny-asr";
  /** All requests so far. */
  readonly requests: SeenRequest[] = [];
  /** Commit of `main`. */
  commit = "1".repeat(40);
  /** Bytes of file contents that were sent. */
  bytesServed = 0;
  /** Whether the listing has sizes and hashes. */
  listsFacts = true;
  /** Whether the listing has the SHA-256 of large files, and not only git's hash of their pointers. */
  listsSha256 = true;
  /** Whether the header `Range` is honoured. */
  obeysRange = true;
  /** After how many bytes the connection breaks, by file, at every request. */
  cutAfter: Record<string, number> = {};
  /** Called first for a listing; its answer replaces the hub's. */
  onList: (request: Request) => Response | undefined = () => undefined;
  /** Called first for contents; its answer replaces the hub's. */
  onContents: Fault = () => undefined;

  readonly #files = new Map<string, HubFile>();
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;
  readonly #storage: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
    this.#hub = Deno.serve(options, (request) => this.#answer("hub", request));
    this.#storage = Deno.serve(options, (request) => this.#answer("storage", request));
  }

  /** Starts a hub with these files. */
  static async start(files: Record<string, Uint8Array<ArrayBuffer>> = modelFiles()): Promise<FakeHub> {
    const hub = new FakeHub();
    await hub.publish(files);
    return hub;
  }

  /** Replaces all files, as a push would. */
  async publish(files: Record<string, Uint8Array<ArrayBuffer>>, commit = this.commit): Promise<void> {
    const entries = await Promise.all(
      Object.entries(files).map(async ([name, bytes]): Promise<[string, HubFile]> => {
        const isLarge = /\.(safetensors|bin|onnx)$/.test(name);
        const prefix = new TextEncoder().encode(`blob ${bytes.length}\0`);
        const etag = isLarge
          ? await hexDigest("SHA-256", bytes)
          : await hexDigest("SHA-1", new Uint8Array([...prefix, ...bytes]));
        return [name, { bytes, isLarge, etag }];
      }),
    );
    this.#files.clear();
    for (const [name, file] of entries) this.#files.set(name, file);
    this.commit = commit;
  }

  /** Address of the API. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** Etag of a file: its hash. */
  etag(name: string): string {
    return this.#files.get(name)!.etag;
  }

  /** Size of a file. */
  sizeBytes(name: string): number {
    return this.#files.get(name)!.bytes.length;
  }

  /** Requests for contents, as "name range". */
  get contentRequests(): string[] {
    return this.requests.filter(({ method, server, path }) =>
      method === "GET" && (server === "storage" || path.includes("/resolve/"))
    ).map(({ path, range }) => `${path.split("/").at(-1)} ${range ?? "all"}`);
  }

  #answer(server: "hub" | "storage", request: Request): Response | Promise<Response> {
    const path = decodeURIComponent(new URL(request.url).pathname);
    const { method, headers } = request;
    const [range, authorization] = [headers.get("range"), headers.get("authorization")];
    this.requests.push({ server, method, path, range, authorization });
    if (path.startsWith(`/api/models/${this.repository}/revision/`)) return this.#list(request);
    const name = /\/resolve\/[^/]+\/(.*)$/.exec(path)?.[1] ?? path.slice(1);
    const file = this.#files.get(name);
    if (file === undefined) return new Response(null, { status: 404 });
    if (server === "hub" && file.isLarge) return this.#redirect(name, file);
    return this.onContents(name, request) ?? this.contents(name, request);
  }

  #list(request: Request): Response {
    const fault = this.onList(request);
    if (fault !== undefined) return fault;
    const siblings = [...this.#files].map(([rfilename, { bytes, isLarge, etag }]) => {
      if (!this.listsFacts) return { rfilename };
      if (!isLarge) return { rfilename, size: bytes.length, blobId: etag };
      return {
        rfilename,
        size: bytes.length,
        blobId: "f".repeat(40),
        ...this.listsSha256 && { lfs: { sha256: etag, size: bytes.length, pointerSize: 134 } },
      };
    });
    return Response.json({ id: this.repository, sha: this.commit, siblings });
  }

  #redirect(name: string, { bytes, etag }: HubFile): Response {
    return new Response(null, {
      status: 302,
      headers: {
        location: `http://127.0.0.1:${this.#storage.addr.port}/${name}?signature=secret`,
        "x-linked-etag": `"${etag}"`,
        "x-linked-size": String(bytes.length),
        "x-repo-commit": this.commit,
      },
    });
  }

  /** The ordinary answer to a request for contents. */
  contents(name: string, request: Request): Response {
    const { bytes, etag, isLarge } = this.#files.get(name)!;
    // The etag of storage is not the file's hash.
    const headers = new Headers({
      etag: isLarge ? '"0123456789abcdef0123456789abcdef-2"' : `"${etag}"`,
      ...isLarge ? {} : { "x-repo-commit": this.commit },
    });
    const start = this.obeysRange
      ? Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0)
      : 0;
    if (start >= bytes.length && start > 0) return new Response(null, { status: 416 });
    if (start > 0) headers.set("content-range", `bytes ${start}-${bytes.length - 1}/${bytes.length}`);
    headers.set("content-length", String(bytes.length - start));
    const isHead = request.method === "HEAD";
    const end = Math.min(bytes.length, start + (this.cutAfter[name] ?? Infinity));
    return new Response(isHead ? null : this.stream(bytes.subarray(start, end)), {
      status: start > 0 ? 206 : 200,
      headers,
    });
  }

  /** A body that counts the bytes that it sends. */
  stream(bytes: Uint8Array<ArrayBuffer>, pieceBytes = 10_000): ReadableStream<Uint8Array<ArrayBuffer>> {
    let at = 0;
    return new ReadableStream({
      pull: (controller) => {
        if (at >= bytes.length) return controller.close();
        const piece = bytes.slice(at, at + pieceBytes);
        at += piece.length;
        this.bytesServed += piece.length;
        controller.enqueue(piece);
      },
    }, { highWaterMark: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#hub.shutdown(), this.#storage.shutdown()]);
  }
}
