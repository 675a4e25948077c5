/**
 * The handshake of a session: which key came, and how; what is answered to it.
 *
 * @module
 */

import { bearerOf } from "../access.ts";

/** The one that is answered. */
export const SUBPROTOCOL = "realtime";
/** Pages cannot send headers with a WebSocket: their key comes as a subprotocol. */
const KEY_PROTOCOL = "openai-insecure-api-key.";

/** A request to open a session, checked. */
export interface RealtimeRequest {
  /** Who asks, for the log and the queue. */
  client: string;
  /** As the address names it. */
  model: string | undefined;
}

/** The subprotocols that a client offers. */
function protocolsOf(request: Request): string[] {
  return (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((protocol) => protocol.trim());
}

/** The key in `Authorization` or among the subprotocols. */
export function keyOf(request: Request): string | undefined {
  return bearerOf(request) ??
    protocolsOf(request).find((one) => one.startsWith(KEY_PROTOCOL))?.slice(KEY_PROTOCOL.length);
}

/** Whether a request wants to become a WebSocket. */
export function isWebSocket(upgrade: string | undefined): boolean {
  return upgrade?.toLowerCase() === "websocket";
}
