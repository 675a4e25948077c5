/**
 * From a `Response` to a message of `node:http`.
 *
 * @module
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { HEARTBEAT } from "./event_stream.ts";

/** What is read of a refused body, and how long. */
const DRAIN_BYTES = 4 * 2 ** 20;
const DRAIN_MS = 2000;

/** Resolves when a message can be written on, or never will. */
async function writable(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  outgoing.on("drain", resolve);
  outgoing.on("close", resolve);
  await promise;
  outgoing.off("drain", resolve);
  outgoing.off("close", resolve);
}

/** Writes a stream, no faster than the client reads; stops when it has gone. */
async function pour(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const gone = () => void reader.cancel().catch(() => {});
  outgoing.on("close", gone);
  if (outgoing.destroyed) gone();
  try {
    for (let read; !(read = await reader.read()).done && !outgoing.destroyed;) {
      if (!outgoing.write(read.value)) await writable(outgoing);
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

function isEvents(contentType: unknown): boolean {
  return typeof contentType === "string" && contentType.startsWith("text/event-stream");
}

/** Writes a response: events as they come, everything else at once with its length. */
export async function send(
  response: Response,
  outgoing: ServerResponse,
  incoming: IncomingMessage,
): Promise<void> {
  const isHead = incoming.method === "HEAD";
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  if (isEvents(response.headers.get("content-type")) && response.body && !isHead) {
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

/**
 * Writes something that means nothing to a client, so that the system of one that is gone says so. Before the answer
 * any number of "100 Continue" may come (RFC 9110, 15.2); HTTP/1.0 knows no such thing.
 *
 * @returns Whether the client may be asked in this way.
 */
export function probe(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  if (incoming.httpVersion === "1.0") return false;
  if (!outgoing.headersSent) outgoing.writeContinue();
  else if (isEvents(outgoing.getHeader("content-type")) && !outgoing.writableEnded) outgoing.write(HEARTBEAT);
  return true;
}
