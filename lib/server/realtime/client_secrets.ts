/**
 * Secrets that a page may have in the place of a key: each opens one session, with what its owner set, and soon.
 *
 * @module
 */
import { HttpError } from "../http_error.ts";
import { asNumber, asObject, asOneOf, type JsonObject } from "./fields.ts";
import { RealtimeError } from "./realtime_error.ts";
import { type SessionSettings, type SettingsContext, updated, USUAL_SETTINGS } from "./settings.ts";

/** What a secret begins with. */
export const SECRET_PREFIX = "ek_";
const USUAL_SECONDS = 600;
/** As OpenAI bounds them. */
const LEAST_SECONDS = 10;
const MOST_SECONDS = 7200;
/** Secrets that wait for their session. */
const MOST = 1000;
const SECRET_BYTES = 24;

/** A secret as it is given out, once. */
export interface IssuedSecret {
  value: string;
  expiresAt: number;
  settings: SessionSettings;
}

async function digest(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

const now = () => Date.now() / 1000;

/** The secrets of a server; of each only its digest is kept. */
export class ClientSecrets {
  readonly #waiting = new Map<string, Omit<IssuedSecret, "value">>();

  /**
   * Gives a secret out.
   *
   * @param body `{ expires_after?: { anchor: "created_at", seconds? }, session? }`.
   * @throws {RealtimeError} When something in it is not known or not usable.
   * @throws {HttpError} 429 when too many wait.
   */
  async issue(body: JsonObject, context: SettingsContext): Promise<IssuedSecret> {
    const given = asObject("body", body, ["expires_after", "session"]);
    const after = asObject("expires_after", given["expires_after"] ?? {}, ["anchor", "seconds"]);
    asOneOf("expires_after.anchor", after["anchor"] ?? "created_at", ["created_at"]);
    const seconds = asNumber(
      "expires_after.seconds",
      after["seconds"] ?? USUAL_SECONDS,
      LEAST_SECONDS,
      MOST_SECONDS,
    );
    const session = given["session"] ?? {};
    if (typeof session !== "object") {
      throw new RealtimeError("invalid_value", "session is no object.", { param: "session" });
    }
    const settings = updated(USUAL_SETTINGS, { ...session }, context);
    this.#forgetExpired();
    if (this.#waiting.size >= MOST) {
      throw new HttpError(429, "Too many client secrets wait for their session. Try again later.", {
        code: "too_many_secrets",
        retryAfterSeconds: LEAST_SECONDS,
      });
    }
    const value = SECRET_PREFIX + crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex();
    const expiresAt = Math.floor(now() + seconds);
    this.#waiting.set(await digest(value), { expiresAt, settings });
    return { value, expiresAt, settings };
  }

  #forgetExpired(): void {
    for (const [key, { expiresAt }] of this.#waiting) if (expiresAt <= now()) this.#waiting.delete(key);
  }

  /** What a secret opens; undefined when it is none, is used, or has expired. */
  async take(value: string): Promise<SessionSettings | undefined> {
    this.#forgetExpired();
    const key = await digest(value);
    const secret = this.#waiting.get(key);
    this.#waiting.delete(key);
    return secret?.settings;
  }
}
