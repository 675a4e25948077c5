/**
 * The handler behind a socket.
 *
 * `node:http` reads and writes the messages, because it reports a closed connection at any time. `Deno.serve` (Deno 2.9)
 * does so for a request with a body only once the response has begun, which is too late for work that nobody waits for.
 * The connections are our own: see `connection.ts` and `accept.ts` for what they do better.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Connections } from "./accept.ts";
import { Connection, type Exchange, KEPT_MS } from "./connection.ts";
import type { ClientInfo, Serving } from "./handler.ts";
import { ClientGone, HttpError, refusalOf } from "./http_error.ts";
import { requestOf } from "./incoming.ts";
import { probe, send } from "./outgoing.ts";
import { isWebSocket } from "./realtime/connect.ts";
import { refuse, upgrade, webSocketServer } from "./realtime/upgrade.ts";

/** A request in, a response out. */
export type Fetch = (request: Request, info: ClientInfo) => Promise<Response>;

/** A socket that takes requests. */
export interface Listener {
  port: number;
  /** Takes no more connections; those without a request are closed. */
  stop(): void;
  /** Waits until all answers are written, and breaks off what is not by then. */
  close(options: { withinMs: number }): Promise<void>;
}

/** How {@linkcode listen} listens. */
export interface ListenOptions {
  hostname: string;
  port: number;
  /** Certificate chain and key, as PEM: connections are encrypted. */
  tls?: { cert: string; key: string } | undefined;
  /** Answers requests that want to become WebSockets; without, they are requests as others. */
  admit?: Serving["admit"] | undefined;
  /** Gets a line per accident. */
  log?: ((line: string) => void) | undefined;
}

/** Serves one message. */
async function serveOne(
  handler: Fetch,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: { origin: string; client: string; signal: AbortSignal; onRead: () => void },
): Promise<void> {
  let response: Response;
  try {
    const request = requestOf(incoming, options);
    response = await handler(request, { remoteAddr: { hostname: options.client } });
  } catch (error) {
    const isBadRequest = error instanceof TypeError;
    response = (isBadRequest ? new HttpError(400, "The request is not well-formed.") : refusalOf(error))
      .toResponse();
  }
  await send(response, outgoing, incoming);
}

/** A WebSocket is no exchange that could be asked whether its client is there: when the client ends it, it ends. */
const SWITCHED: Exchange = { probe: () => false, isWhole: () => true, gone: () => {} };

/** Makes a WebSocket of a connection, or answers why not and closes it. */
async function switchProtocols(
  admit: Serving["admit"],
  incoming: IncomingMessage,
  connection: Connection,
  { origin, head }: { origin: string; head: Uint8Array },
): Promise<void> {
  let answer: Awaited<ReturnType<Serving["admit"]>>;
  try {
    const signal = new AbortController().signal;
    const request = requestOf(incoming, { origin, signal, onRead: () => {} });
    answer = await admit(request, { remoteAddr: { hostname: connection.remoteAddress } });
    if (!(answer instanceof Response)) {
      return upgrade(await webSocketServer(), incoming, connection, head, answer);
    }
  } catch (error) {
    const isBadRequest = error instanceof TypeError;
    answer = (isBadRequest ? new HttpError(400, "The request is not well-formed.") : refusalOf(error))
      .toResponse();
  }
  await refuse(answer, connection);
  connection.destroySoon();
}

/**
 * Opens a socket.
 *
 * @throws {Error} When the address is taken or not this machine's.
 */
export async function listen(
  handler: Fetch,
  { hostname, port, tls, admit, log = () => {} }: ListenOptions,
): Promise<Listener> {
  const listener = tls ? Deno.listenTls({ hostname, port, ...tls }) : Deno.listen({ hostname, port });
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const origin = `${tls ? "https" : "http"}://${host}:${listener.addr.port}`;
  // A client that offers another protocol than WebSockets (h2c, as Java's does) is answered in this one.
  const shouldUpgradeCallback = ({ headers }: IncomingMessage) =>
    admit !== undefined && isWebSocket(headers.upgrade);
  const server = createServer({ keepAliveTimeout: KEPT_MS, ...{ shouldUpgradeCallback } });
  // A client that sends no more may still wait for its answer (Node's own switch, though undocumented). And a server
  // that did not open its socket itself would pass for one that closes, with connections good for one request.
  Object.defineProperties(server, { httpAllowHalfOpen: { value: true }, listening: { value: true } });
  const onConnection = (connection: Connection) => void server.emit("connection", connection);
  const connections = await Connections.from(listener, { onConnection, log });
  const on = (expectsContinue: boolean) => (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const connection: unknown = incoming.socket;
    if (!(connection instanceof Connection)) throw new TypeError("A message came over a foreign connection.");
    const controller = new AbortController();
    const gone = () => {
      if (!outgoing.writableFinished) controller.abort(new ClientGone());
    };
    const exchange = { probe: () => probe(incoming, outgoing), isWhole: () => incoming.complete, gone };
    connection.begin(exchange);
    outgoing.on("error", gone);
    outgoing.once("close", () => {
      gone();
      connection.finish(exchange);
      connections.used(connection);
    });
    const onRead = () => {
      if (expectsContinue) outgoing.writeContinue();
    };
    const { signal } = controller;
    serveOne(handler, incoming, outgoing, {
      origin,
      client: connection.remoteAddress,
      signal,
      onRead,
    })
      .catch(() => void outgoing.destroy());
  };
  const onUpgrade = (incoming: IncomingMessage, connection: unknown, head: Uint8Array) => {
    if (!(connection instanceof Connection)) throw new TypeError("A message came over a foreign connection.");
    connection.switchTo(SWITCHED);
    if (admit) {
      switchProtocols(admit, incoming, connection, { origin, head })
        .catch(() => connection.destroy());
    }
    connections.used(connection);
  };
  server.on("upgrade", onUpgrade);
  server.on("request", on(false));
  server.on("checkContinue", on(true));
  return {
    port: listener.addr.port,
    stop: () => connections.stop(),
    close: ({ withinMs }) => connections.close(withinMs),
  };
}
