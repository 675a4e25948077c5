/**
 * From a message of `node:http` to a `Request`.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { hostOf } from "./hosts.ts";
import { ClientGone, HttpError } from "./http_error.ts";

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

/** The one value of the Host header; a client of HTTP/1.0 may have none. */
function hostHeader(incoming: IncomingMessage): string | undefined {
  const hosts = incoming.rawHeaders.filter((_, at, all) => at % 2 === 1 && /^host$/i.test(all[at - 1]!));
  if (hosts.length === 1) return hosts[0];
  if (hosts.length === 0 && incoming.httpVersion === "1.0") return undefined;
  throw new HttpError(400, `The request has ${hosts.length} Host headers, expected one.`, {
    code: "invalid_host",
  });
}

/** The URL that is asked for: most targets are paths, those of proxies are whole URLs. */
function urlOf(incoming: IncomingMessage, origin: string): string {
  const target = incoming.url ?? "/";
  const header = hostHeader(incoming);
  const { protocol, host: own } = new URL(origin);
  const host = header === undefined ? own : hostOf(header);
  // A path that begins with "//" is a path, not a host.
  if (target.startsWith("/")) return `${protocol}//${host}${target}`;
  const [, named, path = ""] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target) ?? [];
  if (named === undefined) throw new HttpError(400, "The request's target is neither a path nor a URL.");
  return `${protocol}//${hostOf(named)}${path}`;
}

/**
 * The request.
 *
 * @param options.origin The server's own address, for clients that do not name it.
 * @param options.signal Aborted when the client has gone.
 * @param options.onRead Called when the body is read for the first time.
 * @throws {HttpError} 400 when the host is not one.
 * @throws {TypeError} When there is something else that is not well-formed.
 */
export function requestOf(
  incoming: IncomingMessage,
  { origin, signal, onRead }: { origin: string; signal: AbortSignal; onRead: () => void },
): Request {
  const headers = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
  }
  const method = incoming.method ?? "GET";
  const hasBody = headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > 0;
  const body = hasBody && method !== "GET" && method !== "HEAD" ? bodyOf(incoming, onRead) : undefined;
  return new Request(urlOf(incoming, origin), { method, headers, signal, ...(body ? { body } : {}) });
}
