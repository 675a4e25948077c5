/**
 * `GET /v1/realtime` and `POST /v1/realtime/client_secrets`, as far as they are HTTP.
 *
 * @module
 */
import type { Keys, Origins } from "../access.ts";
import { BodyReader } from "../body.ts";
import { hearingOf } from "../hearing.ts";
import { HttpError } from "../http_error.ts";
import { modelNames, type Shared } from "../transcriptions.ts";
import { ClientSecrets, SECRET_PREFIX } from "./client_secrets.ts";
import { keyOf } from "./connect.ts";
import { isObject, type JsonObject } from "./fields.ts";
import { newId } from "./items.ts";
import { RealtimeError } from "./realtime_error.ts";
import { RealtimeSessions } from "./sessions.ts";
import { sessionObject, type SettingsContext, USUAL_SETTINGS } from "./settings.ts";
import type { WebSocket } from "./web_socket.ts";

/** A body that describes a session. */
const MAX_BODY_BYTES = 256 * 1024;

/** Takes the socket of a request that may have a session. */
export type TakeSocket = (socket: WebSocket) => void;

/** The endpoint. */
export class Realtime {
  readonly #shared: Shared;
  readonly #secrets = new ClientSecrets();
  readonly #context: SettingsContext;
  readonly #sessions: RealtimeSessions;

  constructor(shared: Shared) {
    const { settings, holder, metrics } = shared;
    this.#shared = shared;
    this.#context = {
      modelNames: () => holder.info ? modelNames(shared) : [],
      maxPromptTokens: settings.maxPromptTokens,
    };
    this.#sessions = new RealtimeSessions({
      limits: settings,
      context: this.#context,
      open: hearingOf(holder, settings.maxPromptTokens),
      counters: metrics.sessions,
      log: settings.log,
    });
  }

  /** Sessions that are open. */
  get size(): number {
    return this.#sessions.size;
  }

  async #body(request: Request, signal: AbortSignal): Promise<JsonObject> {
    const { bodyIdleSeconds, bodyBytesPerSecond, bodySeconds } = this.#shared.settings;
    const reader = new BodyReader(request, {
      maxBytes: MAX_BODY_BYTES,
      idleSeconds: bodyIdleSeconds,
      bytesPerSecond: bodyBytesPerSecond,
      totalSeconds: bodySeconds,
      signal,
    });
    const text = await reader.text();
    try {
      const value: unknown = text.trim() === "" ? {} : JSON.parse(text);
      if (isObject(value)) return value;
    } catch {
      // Told below.
    }
    throw new HttpError(400, "The body is not a JSON object.", { code: "invalid_json" });
  }

  /**
   * Gives out a client secret.
   *
   * @throws {HttpError} 400 when the body is not usable.
   */
  async giveSecret(request: Request, stop: AbortSignal): Promise<Response> {
    const body = await this.#body(request, AbortSignal.any([request.signal, stop]));
    try {
      const { value, expiresAt, settings } = await this.#secrets.issue(body, this.#context);
      const { modelNames } = this.#context;
      const session = sessionObject(settings, { id: newId("sess"), expiresAt, modelNames });
      const headers = { "cache-control": "no-store" };
      return Response.json({ value, expires_at: expiresAt, session }, { headers });
    } catch (error) {
      if (!(error instanceof RealtimeError)) throw error;
      throw new HttpError(400, error.message, {
        param: error.param ?? undefined,
        code: error.code,
        cause: error,
      });
    }
  }

  /**
   * Lets a request in, by a key or a client secret.
   *
   * @param address Where it comes from.
   * @throws {HttpError} 401 or 403.
   */
  async admit(
    request: Request,
    access: { keys: Keys; origins: Origins },
    address: string,
  ): Promise<TakeSocket> {
    const { searchParams } = new URL(request.url);
    const model = searchParams.get("model") ?? undefined;
    const key = keyOf(request);
    if (key?.startsWith(SECRET_PREFIX)) {
      const settings = await this.#secrets.take(key);
      if (settings) {
        return (socket) => this.#sessions.accept(socket, { model, client: `secret of ${address}` }, settings);
      }
      if (!access.keys.required) {
        throw new HttpError(401, "The client secret is unknown, used or expired.", {
          code: "invalid_api_key",
        });
      }
    }
    const which = await access.keys.checkKey(key);
    if (which < 0) access.origins.refuseForeignPages(request);
    const client = which < 0 ? address : `key ${which}`;
    return (socket) => this.#sessions.accept(socket, { model, client }, USUAL_SETTINGS);
  }

  /** Ends all sessions, with what they have heard; at once when the signal says so. */
  async close(signal: AbortSignal): Promise<void> {
    await this.#sessions.close(signal);
  }
}
