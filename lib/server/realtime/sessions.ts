/**
 * The sessions of a server on their sockets: how many, for how long, and what becomes of those that are silent or gone.
 *
 * @module
 */
import type { OpenHearing } from "../ear.ts";
import type { RealtimeRequest } from "./connect.ts";
import { RealtimeError } from "./realtime_error.ts";
import { Session } from "./session.ts";
import { checkModelName, type SessionSettings, type SettingsContext } from "./settings.ts";
import type { WebSocket } from "./web_socket.ts";

/** How often a socket is looked at: whether its client is there, whether it says something. */
const LOOK_MS = 15_000;
/** An ear that hears nothing for so long lets go of the model. */
const REST_MS = 30_000;
/** Events that a client has not read: more, and it is cut off. */
const MOST_UNREAD_BYTES = 4 * 2 ** 20;
/** A client answers the end of its session by then. */
const GOODBYE_MS = 2000;

/** Reasons of WebSockets, RFC 6455 7.4.1. */
const CLOSE = { normal: 1000, goingAway: 1001, policy: 1008, broken: 1011, tryAgain: 1013 } as const;

/** What bounds sessions. */
export interface SessionLimits {
  /** At once. */
  sessions: number;
  sessionBufferSeconds: number;
  /** Without a message. */
  sessionIdleSeconds: number;
  /** From its beginning to its end. */
  sessionSeconds: number;
}

/** What became of sessions and their turns. */
export interface SessionCounters {
  opened(): void;
  refused(): void;
  turn(result: "completed" | "failed"): void;
  closed(audioSeconds: number): void;
}

/** What all sessions share. */
export interface SessionsOptions {
  limits: SessionLimits;
  context: SettingsContext;
  open: OpenHearing;
  counters: SessionCounters;
  log: (line: string) => void;
}

class Connected {
  readonly session: Session;
  readonly #socket: WebSocket;
  readonly #options: SessionsOptions;
  readonly #looking: ReturnType<typeof setInterval>;
  readonly #expiry: ReturnType<typeof setTimeout>;
  /** When something came last: anything, a message, sound. */
  #isThere = true;
  #saidAt = performance.now();

  constructor(socket: WebSocket, settings: SessionSettings, options: SessionsOptions) {
    const { limits, context, open, counters } = options;
    this.#socket = socket;
    this.#options = options;
    this.session = new Session({
      settings,
      context,
      expiresAt: Math.floor(Date.now() / 1000 + limits.sessionSeconds),
      bufferSeconds: limits.sessionBufferSeconds,
      open,
      send: (event) => this.#send(JSON.stringify(event)),
      count: (result) => counters.turn(result),
      onBroken: () => this.close(CLOSE.broken),
    });
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
    this.#expiry = setTimeout(() => this.#expire(), Math.min(limits.sessionSeconds * 1000, 2 ** 31 - 1));
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    socket.on("pong", () => this.#isThere = true);
  }

  #send(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MOST_UNREAD_BYTES) {
      this.#options.log(`${this.session.id} is cut off: its client does not read.`);
      return this.#socket.terminate();
    }
    this.#socket.send(text);
  }

  #receive(data: Uint8Array, isBinary: boolean): void {
    this.#isThere = true;
    this.#saidAt = performance.now();
    if (isBinary) {
      this.session.fail(
        new RealtimeError("invalid_event", "Binary messages are not taken: send JSON as text."),
      );
    } else this.session.receive(new TextDecoder().decode(data));
  }

  #look(): void {
    const silentMs = performance.now() - this.#saidAt;
    const { sessionIdleSeconds } = this.#options.limits;
    if (!this.#isThere) return this.#socket.terminate();
    this.#isThere = false;
    this.#socket.ping();
    if (silentMs > REST_MS) this.session.rest();
    if (silentMs > sessionIdleSeconds * 1000) {
      this.#end("session_idle", `Nothing was sent for ${sessionIdleSeconds} s, the limit of this server.`);
    }
  }

  #expire(): void {
    const { sessionSeconds } = this.#options.limits;
    this.#end("session_expired", `The session has lasted ${sessionSeconds} s, the limit of this server.`);
  }

  #end(code: string, message: string): void {
    this.session.fail(new RealtimeError(code, message));
    this.close(CLOSE.normal);
  }

  close(code: number): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.close(code);
    setTimeout(() => this.#socket.terminate(), GOODBYE_MS);
  }

  /** The socket is closed: everything is given back. */
  async gone(): Promise<void> {
    clearInterval(this.#looking);
    clearTimeout(this.#expiry);
    await this.session.close();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

/** All sessions of a server. */
export class RealtimeSessions {
  readonly #options: SessionsOptions;
  readonly #open = new Map<Connected, Promise<void>>();
  #isClosing = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#open.size;
  }

  /** Refuses on the socket, where also a page can read why. */
  #refuse(socket: WebSocket, error: RealtimeError, code: number): void {
    this.#options.counters.refused();
    socket.on("error", () => {});
    socket.send(JSON.stringify({ type: "error", event_id: "event_refused", error: error.body }));
    socket.close(code);
    setTimeout(() => socket.terminate(), GOODBYE_MS);
  }

  /** Begins a session on a socket. */
  accept(socket: WebSocket, { model, client }: RealtimeRequest, settings: SessionSettings): void {
    const { limits, context, counters, log } = this.#options;
    if (this.#isClosing) {
      const error = new RealtimeError("shutting_down", "The server is shutting down.", {
        type: "server_error",
      });
      return this.#refuse(socket, error, CLOSE.goingAway);
    }
    if (this.#open.size >= limits.sessions) {
      const message = `All ${limits.sessions} sessions of this server are taken. Try again later.`;
      const error = new RealtimeError("too_many_sessions", message, { type: "server_error" });
      return this.#refuse(socket, error, CLOSE.tryAgain);
    }
    let named = settings;
    try {
      if (model !== undefined) {
        const name = checkModelName("model", model, context);
        named = { ...settings, transcription: { ...settings.transcription, model: name } };
      }
    } catch (error) {
      if (error instanceof RealtimeError) return this.#refuse(socket, error, CLOSE.policy);
      throw error;
    }
    const start = performance.now();
    const connected = new Connected(socket, named, this.#options);
    const { session } = connected;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open.set(connected, promise);
    counters.opened();
    log(`${session.id} opened by ${client}`);
    // What is wrong with a frame closes the socket with the code that says so.
    socket.on("error", () => {});
    socket.once("close", (code) => {
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      log(
        `${session.id} closed with ${code} after ${seconds} s and ${
          session.pushedSeconds.toFixed(1)
        } s of audio`,
      );
      counters.closed(session.pushedSeconds);
      void connected.gone().finally(() => {
        this.#open.delete(connected);
        resolve();
      });
    });
    session.start();
  }

  /**
   * Takes no more sessions, lets those that are there tell what they have heard, and closes them.
   *
   * @param signal Ends them at once.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.#isClosing = true;
    const terminate = () => {
      for (const connected of this.#open.keys()) connected.terminate();
    };
    signal.addEventListener("abort", terminate, { once: true });
    if (signal.aborted) terminate();
    await Promise.all([...this.#open].map(async ([connected, gone]) => {
      await Promise.race([connected.session.finish(), gone]);
      connected.close(CLOSE.goingAway);
      await gone;
    }));
    signal.removeEventListener("abort", terminate);
  }
}
