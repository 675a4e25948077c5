/**
 * What a client may say, checked.
 *
 * @module
 */
import { asText, isObject, type JsonObject, refuse, shown } from "./fields.ts";
import { RealtimeError } from "./realtime_error.ts";

/** An event of a client. */
export type ClientEvent =
  & { eventId: string | null }
  & (
    | { type: "session.update"; session: JsonObject }
    | { type: "input_audio_buffer.append"; audio: string }
    | { type: "input_audio_buffer.commit" | "input_audio_buffer.clear" }
  );

/** What belongs to conversations: there is none here. */
const OF_CONVERSATIONS =
  /^(response\.|conversation\.item\.(create|retrieve|delete|truncate)$|output_audio_buffer\.)/;
/** Before it was generally available. */
const OF_BETA: ReadonlyMap<string, string> = new Map([["transcription_session.update", "session.update"]]);

function read(event: JsonObject): ClientEvent {
  const eventId = typeof event["event_id"] === "string" ? event["event_id"] : null;
  const fields = (...names: string[]) => {
    for (const name of Object.keys(event)) {
      if (["type", "event_id", ...names].includes(name)) continue;
      refuse(name.slice(0, 60), `Unknown parameter: ${shown(name)}.`, "unknown_parameter");
    }
  };
  const needed = (name: string): unknown => {
    return event[name] ??
      refuse(name, `Missing required parameter: '${name}'.`, "missing_required_parameter");
  };
  const type = asText("type", event["type"] ?? null);
  switch (type) {
    case "session.update": {
      fields("session");
      const session = needed("session");
      return isObject(session)
        ? { type, eventId, session }
        : refuse("session", `session is ${shown(session)}, expected an object.`);
    }
    case "input_audio_buffer.append":
      fields("audio");
      return { type, eventId, audio: asText("audio", needed("audio")) };
    case "input_audio_buffer.commit":
    case "input_audio_buffer.clear":
      fields();
      return { type, eventId };
  }
  if (OF_CONVERSATIONS.test(type)) {
    return refuse(
      "type",
      `${shown(type)} belongs to conversations: this is a transcription session.`,
      "not_supported",
    );
  }
  const now = OF_BETA.get(type);
  const hint = now === undefined ? "" : ` It is called '${now}' now, with session.type 'transcription'.`;
  return refuse("type", `There is no event ${shown(type)}.${hint}`, "unknown_event");
}

/**
 * Reads a message.
 *
 * @throws {RealtimeError} When it is no event that a transcription session takes; with the event's id where it has one.
 */
export function clientEventOf(message: string): ClientEvent {
  let event: unknown;
  try {
    event = JSON.parse(message);
  } catch (cause) {
    throw new RealtimeError("invalid_event", "The message is not JSON.", { cause });
  }
  if (!isObject(event)) throw new RealtimeError("invalid_event", "The message is not a JSON object.");
  try {
    return read(event);
  } catch (error) {
    if (error instanceof RealtimeError && typeof event["event_id"] === "string") {
      error.eventId = event["event_id"];
    }
    throw error;
  }
}
