/**
 * What a session answers to an event that it cannot honour.
 *
 * @module
 */
import { OptionError } from "../../errors.ts";
import { HttpError, refusalOf } from "../http_error.ts";

/** An error as its event words it. */
export interface ErrorBody {
  type: "invalid_request_error" | "server_error";
  code: string;
  message: string;
  param: string | null;
  /** The client's own id of the event that is to blame. */
  event_id: string | null;
}

/** An event that is not honoured; the session goes on. */
export class RealtimeError extends Error {
  override name = "RealtimeError";
  readonly code: string;
  readonly param: string | null;
  readonly type: ErrorBody["type"];
  /** Is set where the event could be read as far as its id. */
  eventId: string | null = null;

  constructor(
    code: string,
    message: string,
    { param = null, type = "invalid_request_error", cause }: {
      param?: string | null;
      type?: ErrorBody["type"];
      cause?: unknown;
    } = {},
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
    this.param = param;
    this.type = type;
  }

  /** As its event has it. */
  get body(): ErrorBody {
    const { type, code, message, param, eventId } = this;
    return { type, code, message, param, event_id: eventId };
  }
}

/** The options that fields of a session become. */
const PARAMS: ReadonlyMap<string, string> = new Map([
  ["context", "session.audio.input.transcription.prompt"],
  ["hotwords", "session.audio.input.transcription.keywords"],
  ["language", "session.audio.input.transcription.language"],
  ["languages", "session.audio.input.transcription.languages"],
]);

/** Any error as one of a session. Accidents say nothing of the inside. */
export function realtimeErrorOf(error: unknown): RealtimeError {
  if (error instanceof RealtimeError) return error;
  if (error instanceof OptionError) {
    const param = error.option === undefined ? null : PARAMS.get(error.option) ?? null;
    return new RealtimeError("invalid_value", error.message, { param, cause: error });
  }
  const { message, status, details } = error instanceof HttpError ? error : refusalOf(error);
  return new RealtimeError(details.code ?? "internal_error", message, {
    type: status >= 500 ? "server_error" : "invalid_request_error",
    cause: error,
  });
}
