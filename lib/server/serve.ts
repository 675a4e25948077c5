/**
 * The server as a whole: a handler, a socket, and their end.
 *
 * @module
 */
import { OptionError, Qwen3ASRError } from "../errors.ts";
import type { LoadOptions } from "../open_model.ts";
import { Qwen3ASR } from "../qwen3_asr.ts";
import { createHandler, type Handler } from "./handler.ts";
import { HttpError } from "./http_error.ts";
import { type Fetch, listen, type Listener } from "./listen.ts";
import type { Loader, Recognizer } from "./model_holder.ts";
import type { HandlerOptions } from "./options.ts";

/** Options of {@linkcode serve}. */
export interface ServeOptions extends HandlerOptions {
  /** Address to listen at. @default {"127.0.0.1"} */
  host?: string | undefined;
  /** Port to listen at; 0 takes a free one. @default {8080} */
  port?: number | undefined;
  /** Model name, folder, a loaded model, or a function that loads one. @default {the first that is found} */
  model?: string | URL | Recognizer | Loader | undefined;
  /** How a model is loaded. */
  load?: LoadOptions | undefined;
  /** Whether to load the model before listening, so that a wrong name is noticed at once. @default {true} */
  warm?: boolean | undefined;
}

/** A server that runs. */
export interface RunningServer extends AsyncDisposable {
  /** Address, e.g. `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Port that it listens on. */
  readonly port: number;
  /** What answers; useful to ask without a socket. */
  readonly handler: Handler;
  /**
   * Lets what runs finish, refuses what comes, frees the model, closes the socket.
   *
   * @param options.graceSeconds After this long what still runs is ended with 503. @default {30}
   */
  close(options?: { graceSeconds?: number | undefined }): Promise<void>;
}

/** Whether an address is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[|\]$/g, "").toLowerCase();
  return plain === "localhost" || plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain) ||
    plain.endsWith(".localhost");
}

/** A name that leads to loopback by way of another's DNS is a page's trick to read what is not for it. */
function refusingForeignHosts(handler: Fetch): Fetch {
  return (request, info) => {
    if (isLoopback(new URL(request.url).hostname)) return handler(request, info);
    return Promise.resolve(
      new HttpError(403, "This server answers to local names only.", { code: "host_not_allowed" })
        .toResponse(),
    );
  };
}

function sourceOf({ model, load = {} }: ServeOptions): Recognizer | Loader {
  return typeof model === "string" || model instanceof URL || model === undefined
    ? () => Qwen3ASR.load(model, load)
    : model;
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
  const { host = "127.0.0.1", port = 8080, warm = true } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new OptionError(`Cannot listen at port ${port}: expected a whole number from 0 to 65535.`);
  }
  const handler = createHandler(sourceOf(options), options);
  let listener: Listener;
  try {
    if (warm) await handler.warm();
    const isPrivate = isLoopback(host) && (options.apiKeys ?? []).length === 0;
    listener = await listen(isPrivate ? refusingForeignHosts(handler) : handler, { hostname: host, port });
  } catch (error) {
    await handler.close();
    if (error instanceof HttpError && error.cause) throw error.cause;
    if (!(error instanceof Error) || !("code" in error) || error instanceof Qwen3ASRError) throw error;
    throw new OptionError(`Cannot listen at ${host}:${port}: ${error.message}.`, { cause: error });
  }
  const name = host.includes(":") ? `[${host}]` : host;
  const close = async ({ graceSeconds = 30 }: { graceSeconds?: number | undefined } = {}) => {
    const stopped = listener.stop();
    await handler.close({ graceSeconds });
    await stopped;
  };
  return {
    url: `http://${name}:${listener.port}`,
    port: listener.port,
    handler,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}
