/**
 * Takes connections in, no more than there are descriptors for.
 *
 * @module
 */
import { Bell } from "../bell.ts";
import { Connection, ReadAhead, type Socket } from "./connection.ts";

/** Connections at most, however many descriptors there are. */
const MOST = 1000;
/** What a system allows a process that does not say so otherwise. */
const USUAL_DESCRIPTORS = 1024;
/** Pause after the system could not give a connection. */
const RETRY_MS = 50;
/** Connections closed at once when descriptors have run out. */
const CLOSED_AT_ONCE = 8;

/** Descriptors that this process may have. */
async function descriptorLimit(): Promise<number> {
  try {
    const limits = await Deno.readTextFile("/proc/self/limits");
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    // Not Linux, or not permitted.
    return USUAL_DESCRIPTORS;
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Gives connections, encrypted or not. */
export type SocketListener = Deno.TcpListener | Deno.TlsListener;

/** What {@linkcode Connections} tells. */
export interface ConnectionsOptions {
  /** Gets every connection. */
  onConnection: (connection: Connection) => void;
  /** Gets a line when descriptors have run out. */
  log: (line: string) => void;
}

/**
 * The connections of a server.
 *
 * They take half of the descriptors at most; the rest is for recordings and decoders. For a newcomer the one goes that
 * has been at rest for longest; when none is at rest, newcomers wait in the system's queue.
 */
export class Connections {
  readonly #listener: SocketListener;
  readonly #options: ConnectionsOptions;
  readonly #most: number;
  readonly #shared = new ReadAhead();
  readonly #open = new Set<Connection>();
  readonly #accepting: Promise<void>;
  #isStopped = false;
  #hasLogged = false;
  /** Rings when there is news of a connection. */
  readonly #news = new Bell();

  private constructor(listener: SocketListener, options: ConnectionsOptions, most: number) {
    this.#listener = listener;
    this.#options = options;
    this.#most = most;
    this.#accepting = this.#accept();
  }

  /** Begins to take connections. */
  static async from(listener: SocketListener, options: ConnectionsOptions): Promise<Connections> {
    const most = Math.min(MOST, Math.max(1, Math.floor(await descriptorLimit() / 2)));
    return new Connections(listener, options, most);
  }

  async #accept(): Promise<void> {
    while (!this.#isStopped) {
      try {
        while (this.#open.size >= this.#most && !this.#closeResting()) await this.#news.rung;
        if (!this.#isStopped) this.#take(await this.#listener.accept());
      } catch (error) {
        if (this.#isStopped) return;
        // Most often there is no descriptor left. The listener stays usable: what rests goes, then another try.
        this.#logOnce(error);
        for (let closed = 0; closed < CLOSED_AT_ONCE && this.#closeResting();) closed++;
        await wait(RETRY_MS);
      }
    }
  }

  #logOnce(error: unknown): void {
    if (this.#hasLogged) return;
    this.#hasLogged = true;
    this.#options.log(
      `A connection could not be taken, ${this.#open.size} are open: ` +
        `${error instanceof Error ? error.message : error}. Connections at rest are closed; ` +
        "ulimit -n raises the number of descriptors.",
    );
  }

  #take(socket: Socket): void {
    const connection = new Connection(socket, this.#shared);
    this.#open.add(connection);
    connection.once("close", () => {
      this.#open.delete(connection);
      this.#news.ring();
    });
    // What breaks a connection is known by its end.
    connection.on("error", () => {});
    this.#options.onConnection(connection);
  }

  /** Puts a connection behind all others: it was the last to be used. */
  used(connection: Connection): void {
    if (this.#open.delete(connection)) this.#open.add(connection);
    this.#news.ring();
  }

  #closeResting(): boolean {
    for (const connection of this.#open) {
      if (!connection.isResting) continue;
      this.#open.delete(connection);
      connection.destroy();
      return true;
    }
    return false;
  }

  /** Takes no more connections, and closes each that is at rest, now or after its answer. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#listener.close();
    this.#news.ring();
    for (const connection of this.#open) connection.endSoon();
  }

  /** Waits until all are closed; closes what is left after a time. */
  async close(withinMs: number): Promise<void> {
    this.stop();
    const timer = setTimeout(() => {
      for (const connection of this.#open) connection.destroy();
    }, withinMs);
    while (this.#open.size > 0) await this.#news.rung;
    clearTimeout(timer);
    await this.#accepting;
  }
}
