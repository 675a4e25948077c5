/**
 * From an HTTP connection to a WebSocket. The protocol's frames are read and written by `npm:ws`, which is loaded with the
 * first session.
 *
 * @module
 */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="npm:@types/ws@8.18.2"
import type { WebSocket, WebSocketServer } from "ws";
import { SUBPROTOCOL } from "./connect.ts";

/** An event has up to 15 MiB of sound, a third more as base64, and a little around it. */
const MAX_MESSAGE_BYTES = 21 * 2 ** 20;

let opening: Promise<WebSocketServer> | undefined;

async function openServer(): Promise<WebSocketServer> {
  // @ts-types="npm:@types/ws@8.18.2"
  const { WebSocketServer } = await import("ws");
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
    // Never the one with the key.
    handleProtocols: (protocols: Set<string>) => protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false,
  });
}

/**
 * Answers the handshake.
 *
 * @param head What came behind the request.
 * @param onOpen Gets the socket; not called when the handshake is not well-formed, which is answered 400.
 */
export async function upgrade(
  incoming: IncomingMessage,
  connection: Duplex,
  head: Uint8Array,
  onOpen: (socket: WebSocket) => void,
): Promise<void> {
  const server = await (opening ??= openServer());
  const { Buffer } = await import("node:buffer");
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
