/**
 * Requests in, responses out: routes, keys, origins, counting. Fits under `Deno.serve` and every framework that speaks
 * `Request` and `Response`.
 *
 * @module
 */
import { Keys, Origins } from "./access.ts";
import { hearingOf } from "./hearing.ts";
import { Hosts } from "./hosts.ts";
import { ClientGone, HttpError, refusalOf } from "./http_error.ts";
import { Metrics } from "./metrics.ts";
import { type Loader, ModelHolder, type Recognizer } from "./model_holder.ts";
import { type HandlerOptions, type HandlerSettings, settingsOf } from "./options.ts";
import { PAGE_PATHS, pageFile } from "./page/page.ts";
import { FairQueue } from "./queue.ts";
import { Realtime, type TakeSocket } from "./realtime/realtime.ts";
import { modelNames, type Shared, Transcriptions } from "./transcriptions.ts";
import type { WyomingOptions } from "./wyoming/listen.ts";

/** What is known of a client besides its request. */
export interface ClientInfo {
  /** Who asks. */
  remoteAddr?: { readonly hostname?: string } | Deno.Addr | undefined;
}

/** Answers requests; keeps a queue and, where a loader was given, a model. */
export interface Handler extends AsyncDisposable {
  (request: Request, info?: ClientInfo): Promise<Response>;
  /** Loads the model now. */
  warm(): Promise<void>;
  /**
   * Lets what runs finish, refuses what comes, then frees a model that was loaded here.
   *
   * @param options.graceSeconds After this long what still runs is ended with 503. @default {30}
   */
  close(options?: { graceSeconds?: number | undefined }): Promise<void>;
}

/** HTTP's status for a connection that becomes a WebSocket. */
const SWITCHING = 101;
const REALTIME = "/v1/realtime";

interface Route {
  /** As metrics call it. */
  name: string;
  methods: readonly string[];
  /** Whether it is open to everybody. */
  open?: boolean;
  serve(request: Request, client: string): Promise<Response> | Response;
}

function originOf(info: ClientInfo | undefined): string {
  const address = info?.remoteAddr;
  return (address && "hostname" in address && address.hostname) || "local";
}

function pathOf(request: Request): string {
  const { pathname } = new URL(request.url);
  return pathname.length > 1 ? pathname.replace(/\/$/, "") : pathname;
}

class Server {
  readonly #settings: HandlerSettings;
  readonly #shared: Shared;
  readonly #keys: Keys;
  readonly #hosts: Hosts;
  readonly #origins: Origins;
  readonly #transcriptions: Transcriptions;
  readonly #realtime: Realtime;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #stop = new AbortController();
  readonly #started = Math.floor(Date.now() / 1000);
  #closing = false;
  #active = 0;
  #idle: () => void = () => {};

  constructor(source: Recognizer | Loader, options: HandlerOptions) {
    const settings = settingsOf(options);
    const { parallel, queue, keepAliveSeconds, log } = settings;
    this.#settings = settings;
    this.#shared = {
      settings,
      queue: new FairQueue({ parallel, waiting: queue }),
      holder: new ModelHolder(source, { keepAliveSeconds, log }),
      metrics: new Metrics(),
    };
    this.#keys = new Keys(settings.apiKeys);
    this.#hosts = new Hosts(settings.allowHosts);
    this.#origins = new Origins(settings.cors);
    this.#transcriptions = new Transcriptions(this.#shared);
    this.#realtime = new Realtime(this.#shared);
    this.#routes = this.#makeRoutes();
  }

  #makeRoutes(): Map<string, Route> {
    const get = (name: string, serve: Route["serve"], open = false): [string, Route] => {
      return [name, { name, methods: ["GET", "HEAD"], open, serve }];
    };
    const post = (name: string, serve: Route["serve"]): [string, Route] => {
      return [name, { name, methods: ["POST"], serve }];
    };
    const page = PAGE_PATHS.map((path) =>
      get(path, () => pageFile(path, { needsKey: this.#keys.required }), true)
    );
    return new Map([
      ...page,
      get("/health", () => Response.json({ status: "ok" }), true),
      get("/ready", () => this.#ready(), true),
      get("/metrics", () => this.#metrics()),
      get(
        "/v1/models",
        () => Response.json({ object: "list", data: modelNames(this.#shared).map((id) => this.#model(id)) }),
      ),
      post("/v1/audio/transcriptions", (request, client) => this.#transcribe(request, client)),
      get(REALTIME, () => {
        throw new HttpError(
          426,
          "This address is a WebSocket, and only where serve() has opened the socket.",
          {
            code: "websocket_expected",
            headers: { "upgrade": "websocket" },
          },
        );
      }),
      post(`${REALTIME}/client_secrets`, (request) => this.#realtime.giveSecret(request, this.#stop.signal)),
      post("/v1/audio/translations", () => {
        throw new HttpError(
          400,
          "This model writes down what is said in its own language and does not translate: use /v1/audio/transcriptions.",
          { code: "not_supported" },
        );
      }),
    ]);
  }

  #model(id: string): Record<string, unknown> {
    return { id, object: "model", created: this.#started, owned_by: "qwen3-asr" };
  }

  /** Ready: the model is loaded, or was and will be again on demand. Asking starts the first loading. */
  #ready(): Response {
    const { holder } = this.#shared;
    if (holder.state === "unloaded" || holder.state === "failed") void this.warm().catch(() => {});
    const ready = !this.#closing && (holder.state === "loaded" || holder.state === "idle");
    return Response.json(
      { status: ready ? "ready" : this.#closing ? "shutting down" : "not ready", model: holder.state },
      ready ? {} : { status: 503, headers: { "retry-after": "2" } },
    );
  }

  #metrics(): Response {
    const { queue, holder, metrics } = this.#shared;
    const text = metrics.toText({
      running: queue.running,
      waiting: queue.waiting,
      sessions: this.#realtime.size,
      modelLoaded: holder.state === "loaded",
      modelLoads: holder.loads,
      weightBytes: holder.state === "loaded" ? holder.info?.weightBytes ?? 0 : 0,
      residentBytes: Deno.memoryUsage().rss,
    });
    return new Response(text, { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
  }

  #transcribe(request: Request, client: string): Promise<Response> {
    if (this.#closing) {
      throw new HttpError(503, "The server is shutting down.", {
        code: "shutting_down",
        retryAfterSeconds: 10,
      });
    }
    return this.#transcriptions.serve(request, client, this.#stop.signal);
  }

  #route(request: Request): Route {
    const path = pathOf(request);
    const one = /^\/v1\/models\/(.+)$/.exec(path)?.[1];
    const route = one === undefined ? this.#routes.get(path) : this.#oneModel(one);
    if (!route) throw new HttpError(404, "There is nothing at this address.", { code: "not_found" });
    if (!route.methods.includes(request.method)) {
      throw new HttpError(405, `This address takes ${route.methods.join(" and ")} only.`, {
        code: "method_not_allowed",
        headers: { "allow": route.methods.join(", ") },
      });
    }
    return route;
  }

  #oneModel(encoded: string): Route {
    return {
      name: "/v1/models/{id}",
      methods: ["GET", "HEAD"],
      serve: () => {
        const id = modelNames(this.#shared).find((name) =>
          encodeURIComponent(name) === encoded || name === encoded
        );
        if (id) return Response.json(this.#model(id));
        throw new HttpError(404, "There is no such model here.", { param: "model", code: "model_not_found" });
      },
    };
  }

  async #answer(request: Request, info: ClientInfo | undefined, name: { route: string }): Promise<Response> {
    this.#hosts.check(request);
    if (request.method === "OPTIONS" && request.headers.has("access-control-request-method")) {
      return this.#origins.preflight(request);
    }
    const route = this.#route(request);
    name.route = route.name;
    const key = route.open ? -1 : await this.#keys.check(request);
    if (request.method === "POST" && !this.#keys.required) this.#origins.refuseForeignPages(request);
    return await route.serve(request, key >= 0 ? `key ${key}` : originOf(info));
  }

  /** One request. Never rejects. */
  async handle(request: Request, info: ClientInfo | undefined): Promise<Response> {
    return await this.#booked(request, (name) => this.#answer(request, info, name)) ?? new Response();
  }

  /**
   * One request that wants to become a WebSocket. Never rejects.
   *
   * @returns What takes the socket, or the answer in its place.
   */
  async admit(request: Request, info: ClientInfo | undefined): Promise<TakeSocket | Response> {
    if (pathOf(request) !== REALTIME) return await this.handle(request, info);
    let take: TakeSocket | undefined;
    const response = await this.#booked(request, async (name) => {
      name.route = REALTIME;
      this.#hosts.check(request);
      const access = { keys: this.#keys, origins: this.#origins };
      take = await this.#realtime.admit(request, access, originOf(info));
      return undefined;
    });
    return response ?? take ?? new HttpError(500, "The server had an error.").toResponse();
  }

  /** Counts and logs what becomes of a request; no response is that it switches protocols. */
  async #booked(
    request: Request,
    work: (name: { route: string }) => Promise<Response | undefined>,
  ): Promise<Response | undefined> {
    const start = performance.now();
    const id = crypto.randomUUID();
    const name = { route: "other" };
    this.#active++;
    let response: Response | undefined;
    let gone = false;
    try {
      response = await work(name);
    } catch (error) {
      const refusal = refusalOf(error);
      gone = error instanceof ClientGone;
      if (refusal.status === 500) this.#settings.log(`${id} failed: ${this.#inside(refusal.details.cause)}`);
      response = refusal.toResponse();
    } finally {
      if (--this.#active === 0) this.#idle();
    }
    const seconds = (performance.now() - start) / 1000;
    for (const [header, value] of Object.entries(this.#origins.headersFor(request))) {
      response?.headers.set(header, value);
    }
    response?.headers.set("x-request-id", id);
    response?.headers.set("x-content-type-options", "nosniff");
    const method = /^(GET|HEAD|POST|OPTIONS)$/.test(request.method) ? request.method : "other";
    const status = response?.status ?? SWITCHING;
    if (!gone) this.#shared.metrics.request(name.route, method, status, seconds);
    const outcome = gone ? "client gone" : status;
    this.#settings.log(`${id} ${method} ${name.route} ${outcome} ${(seconds * 1000).toFixed(0)} ms`);
    return response;
  }

  #inside(cause: unknown): string {
    return cause instanceof Error ? cause.stack ?? cause.message : String(cause);
  }

  get wyoming(): Serving["wyoming"] {
    const { settings, holder } = this.#shared;
    return {
      open: hearingOf(holder, settings.maxPromptTokens),
      modelNames: () => holder.info ? modelNames(this.#shared) : [],
      bufferSeconds: settings.sessionBufferSeconds,
      connections: settings.sessions,
      idleSeconds: settings.sessionIdleSeconds,
      log: settings.log,
    };
  }

  async warm(): Promise<void> {
    (await this.#shared.holder.lease())[Symbol.dispose]();
  }

  async close(graceSeconds: number): Promise<void> {
    this.#closing = true;
    const timer = setTimeout(() => {
      this.#stop.abort(
        new HttpError(503, "The server is shutting down.", { code: "shutting_down", retryAfterSeconds: 10 }),
      );
    }, graceSeconds * 1000);
    const { queue } = this.#shared;
    await this.#realtime.close(this.#stop.signal);
    // Streams outlive their handler call: the queue knows them.
    while (this.#active > 0 || queue.running + queue.waiting > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
        setTimeout(resolve, 20);
      });
    }
    clearTimeout(timer);
    await this.#shared.holder.close();
  }
}

/** A handler, and what only a socket of our own can be asked for. */
export interface Serving {
  handler: Handler;
  /** Answers a request that wants to become a WebSocket. */
  admit(request: Request, info?: ClientInfo): Promise<TakeSocket | Response>;
  /** What Wyoming's clients get. */
  wyoming: Omit<WyomingOptions, "hostname" | "port">;
}

/** As {@linkcode createHandler}, with WebSockets. */
export function createServing(source: Recognizer | Loader, options: HandlerOptions = {}): Serving {
  const server = new Server(source, options);
  const close = async ({ graceSeconds = 30 }: { graceSeconds?: number | undefined } = {}) => {
    await server.close(graceSeconds);
  };
  const handler = Object.assign(
    (request: Request, info?: ClientInfo) => server.handle(request, info),
    { warm: () => server.warm(), close, [Symbol.asyncDispose]: () => close() },
  );
  return { handler, admit: (request, info) => server.admit(request, info), wyoming: server.wyoming };
}

/**
 * An OpenAI-compatible transcription server as one function.
 *
 * A client that goes away is noticed through `request.signal`. (`Deno.serve`, as of Deno 2.9, aborts it for requests
 * with a body only once the response has begun; {@linkcode serve} notices at once.)
 *
 * @param source A loaded model, which stays yours to dispose, or a function that loads one when it is needed.
 * @throws {OptionError} When an option is not usable.
 *
 * @example
 * ```ts
 * import { Qwen3ASR } from "@qwen3/asr";
 * import { createHandler } from "@qwen3/asr/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using handler = createHandler(() => Qwen3ASR.load("demo"));
 * const form = new FormData();
 * form.append("file", new Blob([await Deno.readFile("demo/recordings/dev-01-en.wav")]), "speech.wav");
 * form.append("model", "whisper-1");
 * const request = new Request("http://localhost/v1/audio/transcriptions", { method: "POST", body: form });
 * const { text } = await (await handler(request)).json();
 * assertEquals(text, "I see ten yellow windows.");
 * ```
 */
export function createHandler(source: Recognizer | Loader, options: HandlerOptions = {}): Handler {
  return createServing(source, options).handler;
}
