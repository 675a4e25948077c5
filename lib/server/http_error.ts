/**
 * Refusals as OpenAI words them: `{"error": {"message", "type", "param", "code"}}`.
 *
 * @module
 */
import { AudioError, OptionError } from "../errors.ts";

/** Statuses that the server answers with when it refuses. */
export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 426 | 429 | 500 | 503;

const TYPES: Readonly<Record<RefusalStatus, string>> = {
  400: "invalid_request_error",
  401: "invalid_request_error",
  403: "invalid_request_error",
  404: "invalid_request_error",
  405: "invalid_request_error",
  408: "invalid_request_error",
  413: "invalid_request_error",
  415: "invalid_request_error",
  426: "invalid_request_error",
  429: "rate_limit_exceeded",
  500: "server_error",
  503: "server_error",
};

/** What else there is to say about a refusal. */
export interface RefusalDetails {
  /** The parameter that is to blame. */
  param?: string | undefined;
  /** A word for programs. */
  code?: string | undefined;
  /** Seconds after which another try makes sense. */
  retryAfterSeconds?: number | undefined;
  /** More headers. */
  headers?: Readonly<Record<string, string>> | undefined;
  cause?: unknown;
}

/** A request that is not served, with the status that says why. */
export class HttpError extends Error {
  override name = "HttpError";
  readonly status: RefusalStatus;
  readonly details: RefusalDetails;

  constructor(status: RefusalStatus, message: string, details: RefusalDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.status = status;
    this.details = details;
  }

  /** The body, as an object. */
  get envelope(): { error: { message: string; type: string; param: string | null; code: string | null } } {
    const { param = null, code = null } = this.details;
    return { error: { message: this.message, type: TYPES[this.status], param, code } };
  }

  /** The whole answer. */
  toResponse(): Response {
    const headers = new Headers(this.details.headers);
    const { retryAfterSeconds } = this.details;
    if (retryAfterSeconds !== undefined) {
      headers.set("retry-after", String(Math.max(1, Math.ceil(retryAfterSeconds))));
    }
    return Response.json(this.envelope, { status: this.status, headers });
  }
}

/** The client went away: nobody reads the answer. */
export class ClientGone extends Error {
  override name = "ClientGone";

  constructor() {
    super("The client closed the connection.");
  }
}

/** The parameters that carry options under other names. */
const PARAMETERS: ReadonlyMap<string, string> = new Map([["context", "prompt"], ["hotwords", "keywords"]]);

/** Any error as a refusal. Accidents say nothing of the inside: their text is for the log. */
export function refusalOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof ClientGone) return new HttpError(408, error.message, { code: "client_gone" });
  if (error instanceof AudioError && error.code === "disk-full") {
    return new HttpError(503, error.message, { code: "disk_full", retryAfterSeconds: 60, cause: error });
  }
  if (error instanceof AudioError) {
    return error.code === "audio-too-long"
      ? new HttpError(413, error.message, { param: "file", code: "audio_too_long", cause: error })
      : new HttpError(400, error.message, { param: "file", code: "invalid_audio", cause: error });
  }
  if (error instanceof OptionError) {
    const param = error.option && (PARAMETERS.get(error.option) ?? error.option);
    return new HttpError(400, error.message, { param, code: param && "invalid_value", cause: error });
  }
  return new HttpError(500, "The server had an error while processing the request.", {
    code: "internal_error",
    cause: error,
  });
}
