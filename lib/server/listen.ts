/**
 * The handler behind a socket.
 *
 * Through `node:http`, because it reports a closed connection at any time. `Deno.serve` (Deno 2.9) does so for a request
 * with a body only once the response has begun, which is too late for work that nobody waits for.
 *
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { ClientInfo } from "./handler.ts";
import { ClientGone, HttpError, refusalOf } from "./http_error.ts";

/** A request in, a response out. */
export type Fetch = (request: Request, info: ClientInfo) => Promise<Response>;

/** What is read of a refused body, and how long. */
const DRAIN_BYTES = 4 * 2 ** 20;
const DRAIN_MS = 2000;
/** A client must have sent its headers by then. */
const HEADERS_MS = 20_000;

/** A socket that takes requests. */
export interface Listener {
  hostname: string;
  port: number;
  /** Takes no more connections; resolves when the last one is closed. */
  stop(): Promise<void>;
}

function bodyOf(incoming: IncomingMessage, onFirstRead: () => void): ReadableStream<Uint8Array> {
  let first = true;
  let over = false;
  return new ReadableStream<Uint8Array>({
    start: (controller) => {
      const end = (finish: () => void) => {
        if (over) return;
        over = true;
        finish();
      };
      incoming.on("data", (chunk: Uint8Array) => {
        if (over) return;
        controller.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        incoming.pause();
      });
      incoming.on("end", () => end(() => controller.close()));
      incoming.on("error", (error: Error) => end(() => controller.error(error)));
      incoming.on("close", () => end(() => controller.error(new ClientGone())));
      incoming.pause();
    },
    pull: () => {
      if (first) onFirstRead();
      first = false;
      incoming.resume();
    },
    cancel: () => {
      over = true;
      incoming.pause();
    },
  }, { highWaterMark: 0 });
}

function requestOf(
  incoming: IncomingMessage,
  origin: string,
  signal: AbortSignal,
  onRead: () => void,
): Request {
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
  }
  const method = incoming.method ?? "GET";
  const target = incoming.url ?? "/";
  const host = headers.get("host");
  const base = host !== null && URL.canParse(`http://${host}`) ? `http://${host}` : origin;
  // A path that begins with "//" is a path, not a host.
  const url = target.startsWith("/") ? base.replace(/\/$/, "") + target : target;
  const hasBody = headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > 0;
  const body = hasBody && method !== "GET" && method !== "HEAD" ? bodyOf(incoming, onRead) : undefined;
  return new Request(url, { method, headers, signal, ...(body ? { body } : {}) });
}

/** Writes a stream, no faster than the client reads; stops when it has gone. */
async function pour(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const gone = () => void reader.cancel().catch(() => {});
  outgoing.on("close", gone);
  if (outgoing.destroyed) gone();
  try {
    for (let read; !(read = await reader.read()).done && !outgoing.destroyed;) {
      if (outgoing.write(read.value)) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      outgoing.once("drain", resolve);
      outgoing.once("close", resolve);
      await promise;
    }
    outgoing.end();
  } catch {
    // The client sees that the answer breaks off.
    outgoing.destroy();
  } finally {
    outgoing.off("close", gone);
  }
}

/**
 * Reads a little of what is left of a body and waits a little: a client that is still sending reads the answer, which
 * it would lose if the connection were closed under it.
 */
async function drain(incoming: IncomingMessage): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let bytes = 0;
  const timer = setTimeout(resolve, DRAIN_MS);
  incoming.on("data", (chunk: Uint8Array) => {
    bytes += chunk.byteLength;
    if (bytes > DRAIN_BYTES) incoming.pause();
  });
  incoming.on("close", resolve);
  incoming.on("end", resolve);
  incoming.resume();
  await promise;
  clearTimeout(timer);
}

/** Writes a response: events as they come, everything else at once with its length. */
async function send(response: Response, outgoing: ServerResponse, incoming: IncomingMessage): Promise<void> {
  const isHead = incoming.method === "HEAD";
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  if (isStream && response.body && !isHead) {
    outgoing.writeHead(response.status);
    outgoing.flushHeaders();
    return await pour(response.body, outgoing);
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.status !== 204) outgoing.setHeader("content-length", bytes.length);
  const isRefused = !incoming.complete && !incoming.destroyed;
  if (isRefused) outgoing.setHeader("connection", "close");
  outgoing.writeHead(response.status);
  if (!isHead) outgoing.write(bytes);
  if (isRefused) await drain(incoming);
  outgoing.end();
}

/** Serves one message. */
async function serveOne(
  handler: Fetch,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  origin: string,
  expectsContinue: boolean,
): Promise<void> {
  const gone = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) gone.abort(new ClientGone());
  });
  outgoing.on("error", () => gone.abort(new ClientGone()));
  let response: Response;
  try {
    const onRead = () => {
      if (expectsContinue) outgoing.writeContinue();
    };
    const request = requestOf(incoming, origin, gone.signal, onRead);
    const hostname = incoming.socket.remoteAddress;
    response = await handler(request, { remoteAddr: hostname === undefined ? undefined : { hostname } });
  } catch (error) {
    const isBadRequest = error instanceof TypeError;
    response = (isBadRequest ? new HttpError(400, "The request is not well-formed.") : refusalOf(error))
      .toResponse();
  }
  await send(response, outgoing, incoming);
  if (outgoing.writableFinished || outgoing.destroyed) return;
  const { promise: written, resolve } = Promise.withResolvers<void>();
  outgoing.once("finish", resolve);
  outgoing.once("close", resolve);
  await written;
}

async function listening(server: Server, hostname: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, hostname, () => resolve());
  await promise;
  server.off("error", reject);
}

/**
 * Opens a socket.
 *
 * @throws {Error} When the address is taken or not this machine's.
 */
export async function listen(handler: Fetch, options: { hostname: string; port: number }): Promise<Listener> {
  const server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: 0, keepAliveTimeout: 5000 });
  let origin = "http://localhost";
  const active = new Set<Promise<void>>();
  const on = (expectsContinue: boolean) => (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const serving = serveOne(handler, incoming, outgoing, origin, expectsContinue)
      .catch(() => void outgoing.destroy())
      .finally(() => active.delete(serving));
    active.add(serving);
  };
  server.on("request", on(false));
  server.on("checkContinue", on(true));
  await listening(server, options.hostname, options.port);
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : options.port;
  const host = options.hostname.includes(":") ? `[${options.hostname}]` : options.hostname;
  origin = `http://${host}:${port}`;
  return {
    hostname: options.hostname,
    port,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      while (active.size > 0) await Promise.all(active);
      // Clients keep connections for later: there is no later.
      server.closeAllConnections();
      await closed;
    },
  };
}
