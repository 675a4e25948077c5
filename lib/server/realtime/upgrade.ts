/**
 * From an HTTP connection to a WebSocket. The protocol's frames are read and written by `npm:ws`, which is loaded with the
 * first session.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { loadOnce } from "../../load_once.ts";
import { HttpError } from "../http_error.ts";
import { SUBPROTOCOL } from "./connect.ts";
import type { WebSocket, WebSocketModule, WebSocketServer } from "./web_socket.ts";

/** No literal in the `import()`: nobody pays at start-up for what he does not use. */
const PACKAGE = "npm:ws@8.23.0";
/** An event has up to 15 MiB of sound, a third more as base64, and a little around it. */
const MAX_MESSAGE_BYTES = 21 * 2 ** 20;

async function openServer(): Promise<WebSocketServer> {
  const { WebSocketServer }: WebSocketModule = await import(PACKAGE);
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
    // Never the one with the key.
    handleProtocols: (protocols) => protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false,
  });
}

/**
 * Loads what speaks the protocol.
 *
 * @throws {HttpError} 503 when it can't be had, e.g. the first time without a network; the next call tries again.
 */
export const webSocketServer: () => Promise<WebSocketServer> = loadOnce(
  openServer,
  (reason, cause) =>
    new HttpError(503, `${PACKAGE}, which sessions need, can't be loaded (${reason}).`, {
      code: "websocket_unavailable",
      retryAfterSeconds: 60,
      cause,
    }),
);

/**
 * Answers the handshake.
 *
 * @param head What came behind the request.
 * @param onOpen Gets the socket; not called when the handshake is not well-formed, which is answered 400.
 */
export function upgrade(
  server: WebSocketServer,
  incoming: IncomingMessage,
  connection: Duplex,
  head: Uint8Array,
  onOpen: (socket: WebSocket) => void,
): void {
  server.handleUpgrade(incoming, connection, Buffer.from(head), onOpen);
}

/** Answers a request that will not become a WebSocket: the last answer on its connection. */
export async function refuse(response: Response, connection: Duplex): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  headers.set("connection", "close");
  headers.set("content-length", String(body.length));
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  connection.write(`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}\r\n${lines}\r\n`);
  connection.write(body);
}
