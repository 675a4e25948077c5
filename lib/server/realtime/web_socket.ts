/**
 * What is used of `npm:ws`, whose package has no types.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** A socket whose handshake is done. */
export interface WebSocket {
  readonly OPEN: number;
  readonly readyState: number;
  /** Bytes that were sent and that the client has not taken. */
  readonly bufferedAmount: number;
  send(text: string): void;
  /** Asks whether the client is there: it answers `pong`. */
  ping(): void;
  /** Says goodbye, and waits for it to be answered. */
  close(code: number): void;
  /** Ends it at once. */
  terminate(): void;
  on(event: "message", listener: (data: Uint8Array, isBinary: boolean) => void): void;
  on(event: "pong" | "error", listener: () => void): void;
  once(event: "close", listener: (code: number) => void): void;
}

/** What does handshakes. */
export interface WebSocketServer {
  handleUpgrade(
    incoming: IncomingMessage,
    connection: Duplex,
    head: Uint8Array,
    onOpen: (socket: WebSocket) => void,
  ): void;
}

/** How one is made. */
export interface WebSocketServerOptions {
  noServer: true;
  clientTracking: false;
  maxPayload: number;
  /** Chooses one of the subprotocols, or none. */
  handleProtocols: (protocols: ReadonlySet<string>) => string | false;
}

/** The package. */
export interface WebSocketModule {
  WebSocketServer: new (options: WebSocketServerOptions) => WebSocketServer;
}
