/**
 * Wyoming over TCP, as Home Assistant speaks it.
 *
 * @module
 */
import { Conversation, type ConversationOptions } from "./conversation.ts";
import { FrameError, frameOf, FrameReader, type WyomingEvent } from "./frames.ts";

/** A client must have read something of what it is sent by then. */
const UNREAD_MS = 30_000;
/** Pause after the system could not give a connection. */
const RETRY_MS = 50;

/** How {@linkcode listenWyoming} listens. */
export interface WyomingOptions extends Omit<ConversationOptions, "send"> {
  hostname: string;
  port: number;
  /** Clients at once. */
  connections: number;
  /** Longest time without an event. */
  idleSeconds: number;
  log: (line: string) => void;
}

/** A socket for Wyoming. */
export interface WyomingListener {
  port: number;
  /** Takes no more clients, lets those that are there hear their text, and closes them. */
  close(options: { withinMs: number }): Promise<void>;
}

async function writeAll(socket: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const unread = setTimeout(() => closeQuietly(socket), UNREAD_MS);
    try {
      at += await socket.write(bytes.subarray(at));
    } finally {
      clearTimeout(unread);
    }
  }
}

function closeQuietly(socket: Deno.TcpConn): void {
  try {
    socket.close();
  } catch {
    // It is closed already.
  }
}

/** Talks to one client until it ends, says nothing for too long, or says what is no event. */
async function serveClient(socket: Deno.TcpConn, options: WyomingOptions, stop: AbortSignal): Promise<void> {
  const send = (event: WyomingEvent) => writeAll(socket, frameOf(event));
  const conversation = new Conversation({ ...options, send });
  const stopped = Promise.withResolvers<undefined>();
  const onStop = () => stopped.resolve(undefined);
  stop.addEventListener("abort", onStop, { once: true });
  const reader = new FrameReader(async (buffer) => {
    const idle = setTimeout(() => closeQuietly(socket), options.idleSeconds * 1000);
    try {
      return await socket.read(buffer);
    } finally {
      clearTimeout(idle);
    }
  });
  try {
    while (!stop.aborted) {
      const event = await Promise.race([reader.next(), stopped.promise]);
      if (!event) break;
      await conversation.take(event);
    }
  } catch (error) {
    if (error instanceof FrameError) {
      await send({ type: "error", data: { text: error.message, code: "invalid_event" } }).catch(() => {});
    }
  } finally {
    stop.removeEventListener("abort", onStop);
    closeQuietly(socket);
    await conversation.close();
  }
}

/**
 * Opens a socket.
 *
 * @throws {Error} When the address is taken or not this machine's.
 */
export function listenWyoming(options: WyomingOptions): WyomingListener {
  const { hostname, port, connections, log } = options;
  const listener = Deno.listen({ hostname, port });
  const stop = new AbortController();
  const open = new Map<Deno.TcpConn, Promise<void>>();
  const take = (socket: Deno.TcpConn) => {
    socket.setNoDelay(true);
    if (open.size >= connections) {
      const text = `All ${connections} sessions of this server are taken. Try again later.`;
      writeAll(socket, frameOf({ type: "error", data: { text, code: "too_many_sessions" } }))
        .catch(() => {}).finally(() => closeQuietly(socket));
      return;
    }
    const serving = serveClient(socket, options, stop.signal)
      .catch((error) => log(`A Wyoming client failed: ${error}`))
      .finally(() => open.delete(socket));
    open.set(socket, serving);
  };
  const accept = async () => {
    while (!stop.signal.aborted) {
      try {
        take(await listener.accept());
      } catch (error) {
        if (stop.signal.aborted) return;
        log(`A Wyoming connection could not be taken: ${error instanceof Error ? error.message : error}`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };
  const accepting = accept();
  return {
    port: listener.addr.port,
    close: async ({ withinMs }) => {
      stop.abort();
      listener.close();
      const timer = setTimeout(() => {
        for (const socket of open.keys()) closeQuietly(socket);
      }, withinMs);
      await Promise.all(open.values());
      clearTimeout(timer);
      await accepting;
    },
  };
}
