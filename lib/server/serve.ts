/**
 * The server as a whole: a handler, a socket, and their end.
 *
 * @module
 */
import { checkOptions, flag, object, type Rules, text, wholeFrom } from "../check_options.ts";
import { OptionError } from "../errors.ts";
import { LOAD_RULES, type LoadOptions } from "../open_model.ts";
import { Qwen3ASR } from "../qwen3_asr.ts";
import { createServing, type Handler, type Serving } from "./handler.ts";
import { isHost, ownNames } from "./hosts.ts";
import { HttpError } from "./http_error.ts";
import { listen, type Listener, type ListenOptions } from "./listen.ts";
import type { Loader, Recognizer } from "./model_holder.ts";
import type { WyomingListener } from "./wyoming/listen.ts";
import { HANDLER_RULES, type HandlerOptions } from "./options.ts";

/** At the end, answers have this long to be written, whatever is left of the grace. */
const FAREWELL_MS = 500;

/** Options of {@linkcode serve}. */
export interface ServeOptions extends HandlerOptions {
  /**
   * Host names under which the server may be asked, besides addresses, `localhost` and this machine's own name
   * (`"*"`: all). @default {none without API keys, all with them}
   */
  allowHosts?: readonly string[] | undefined;
  /** Address to listen at. @default {"127.0.0.1"} */
  host?: string | undefined;
  /** Port to listen at; 0 takes a free one. @default {8080} */
  port?: number | undefined;
  /** Certificate chain as PEM, with {@linkcode ServeOptions.key}: the server speaks HTTPS. @default {HTTP} */
  cert?: string | undefined;
  /** Private key of the certificate as PEM. */
  key?: string | undefined;
  /** Where to speak Wyoming besides, as Home Assistant does. @default {nowhere; of an address, 127.0.0.1 and 10300} */
  wyoming?: { host?: string | undefined; port?: number | undefined } | undefined;
  /** Model name, folder, a loaded model, or a function that loads one. @default {the first that is found} */
  model?: string | URL | Recognizer | Loader | undefined;
  /** How a model is loaded. */
  load?: LoadOptions | undefined;
  /** Whether to load the model before listening, so that a wrong name is noticed at once. @default {true} */
  warm?: boolean | undefined;
}

/** What they must be. */
const SERVE_RULES: Rules<ServeOptions> = {
  ...HANDLER_RULES,
  host: text,
  port: wholeFrom(0, 65535),
  cert: text,
  key: text,
  wyoming: object<NonNullable<ServeOptions["wyoming"]>>({ host: text, port: wholeFrom(0, 65535) }),
  model: {
    must: "a name, a folder, a loaded model, or a function",
    fits: (value) => value !== null && ["string", "object", "function"].includes(typeof value),
  },
  load: object(LOAD_RULES),
  warm: flag,
};

/** A server that runs. */
export interface RunningServer extends AsyncDisposable {
  /** Address, e.g. `http://127.0.0.1:8000`, or with `https` where there is a certificate. */
  readonly url: string;
  /** Port that it listens on. */
  readonly port: number;
  /** Address of Wyoming, e.g. `tcp://127.0.0.1:10300`, where it is spoken. */
  readonly wyomingUrl: string | undefined;
  /** What answers; useful to ask without a socket. */
  readonly handler: Handler;
  /**
   * Lets what runs finish, refuses what comes, frees the model, closes the socket.
   *
   * @param options.graceSeconds After this long what still runs is ended with 503, and connections whose clients do
   * not read their answer are closed. @default {30}
   */
  close(options?: { graceSeconds?: number | undefined }): Promise<void>;
}

function sourceOf({ model, load = {} }: ServeOptions): Recognizer | Loader {
  return typeof model === "string" || model instanceof URL || model === undefined
    ? () => Qwen3ASR.load(model, load)
    : model;
}

/** The names to answer to: without keys those of this machine and those given, with keys all or those given. */
function hostsOf(
  { host = "127.0.0.1", apiKeys = [], allowHosts }: ServeOptions,
): readonly string[] | undefined {
  if (apiKeys.length > 0) return allowHosts;
  return [...ownNames(), ...isHost(host) ? [host] : [], ...allowHosts ?? []];
}

/** Certificate and key, both or none. */
function tlsOf({ cert, key }: ServeOptions): ListenOptions["tls"] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined) return { cert, key };
  throw new OptionError("A certificate needs its key, and a key its certificate: give both.", {
    option: cert === undefined ? "cert" : "key",
  });
}

/** By custom. */
const WYOMING = { host: "127.0.0.1", port: 10300 } as const;

function cannotListen(host: string, port: number, error: unknown): OptionError {
  const reason = error instanceof Error ? error.message : error;
  return new OptionError(`Cannot listen at ${host}:${port}: ${reason}.`, { cause: error });
}

/** Opens the socket for Wyoming where it is wanted. */
async function openWyoming(
  { wyoming }: Serving,
  wanted: ServeOptions["wyoming"],
): Promise<WyomingListener | undefined> {
  if (!wanted) return undefined;
  const { host = WYOMING.host, port = WYOMING.port } = wanted;
  const { listenWyoming } = await import("./wyoming/listen.ts");
  try {
    return listenWyoming({ ...wyoming, hostname: host, port });
  } catch (error) {
    throw cannotListen(host, port, error);
  }
}

function urlOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Loads the model where it shall be warm, then opens the socket. */
async function open(serving: Serving, options: ListenOptions & { warm: boolean }): Promise<Listener> {
  try {
    if (options.warm) await serving.handler.warm();
  } catch (error) {
    throw error instanceof HttpError ? error.cause ?? error : error;
  }
  try {
    return await listen(serving.handler, { ...options, admit: serving.admit });
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    if (
      options.tls && !(error instanceof Deno.errors.AddrInUse) &&
      !(error instanceof Deno.errors.AddrNotAvailable)
    ) {
      throw new OptionError(`Cannot serve with this certificate and key: ${reason}.`, {
        option: "cert",
        cause: error,
      });
    }
    throw cannotListen(options.hostname, options.port, error);
  }
}

/**
 * Serves transcriptions until it is closed.
 *
 * @throws {ModelError} When the model cannot be loaded.
 * @throws {OptionError} When an option is not usable, or the address is taken.
 *
 * @example
 * ```ts
 * import { serve } from "@qwen3/asr/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve({ model: "demo", port: 0 });
 * const answer = await fetch(`${server.url}/ready`);
 * assertEquals(await answer.json(), { status: "ready", model: "loaded" });
 * ```
 */
export async function serve(options: ServeOptions = {}): Promise<RunningServer> {
  checkOptions(options, SERVE_RULES);
  const { host = "127.0.0.1", port = 8080, warm = true, model: _model, load: _load, ...rest } = options;
  const { cert: _cert, key: _key, wyoming, ...handling } = rest;
  const tls = tlsOf(options);
  const serving = createServing(sourceOf(options), { ...handling, allowHosts: hostsOf(options) });
  const { handler } = serving;
  const tear = async (error: unknown) => {
    await handler.close();
    throw error;
  };
  const opened = await open(serving, { hostname: host, port, tls, warm, log: options.log }).catch(tear);
  const beside = await openWyoming(serving, wyoming).catch(async (error) => {
    await opened.close({ withinMs: 0 });
    return await tear(error);
  });
  const close = async ({ graceSeconds = 30 }: { graceSeconds?: number | undefined } = {}) => {
    const start = performance.now();
    const leftMs = () => Math.max(FAREWELL_MS, graceSeconds * 1000 - (performance.now() - start));
    opened.stop();
    await Promise.all([beside?.close({ withinMs: leftMs() }), handler.close({ graceSeconds })]);
    await opened.close({ withinMs: leftMs() });
  };
  return {
    url: urlOf(tls ? "https" : "http", host, opened.port),
    port: opened.port,
    wyomingUrl: beside && urlOf("tcp", wyoming?.host ?? WYOMING.host, beside.port),
    handler,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
