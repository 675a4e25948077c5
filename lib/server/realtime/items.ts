/**
 * The turns of a session as its client sees them: each an item with an id, what is added to its text, and its end.
 *
 * @module
 */
import { LANGUAGES } from "../../text/languages.ts";
import type { TokenLogprob } from "../../transcript.ts";
import type { RealtimeError } from "./realtime_error.ts";

/** An event for the client; its id is added when it is sent. */
export type ServerEvent = { type: string } & Readonly<Record<string, unknown>>;

/** One turn. */
export interface Item {
  readonly id: string;
  isCommitted: boolean;
}

/** What was heard in a turn. */
export interface HeardItem {
  text: string;
  /** Sound in it. */
  seconds: number;
  /** English names. */
  languages: readonly string[];
  logprobs: readonly TokenLogprob[] | undefined;
  /** What is doubtful about it. */
  warnings: readonly string[];
}

/** A name that nobody else has. */
export function newId(kind: "event" | "item" | "sess"): string {
  return `${kind}_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
}

function logprobEntries(logprobs: readonly TokenLogprob[] | undefined): { logprobs?: object[] } {
  if (!logprobs) return {};
  return { logprobs: logprobs.map(({ token, bytes, logprob }) => ({ token, bytes, logprob })) };
}

const milliseconds = (seconds: number) => Math.max(0, Math.round(seconds * 1000));

/** Writes what becomes of turns. */
export class Items {
  readonly #send: (event: ServerEvent) => void;
  readonly #count: (result: "completed" | "failed") => void;
  #last: string | null = null;
  #committed = 0;

  constructor(send: (event: ServerEvent) => void, count: (result: "completed" | "failed") => void) {
    this.#send = send;
    this.#count = count;
  }

  /** How many were committed. */
  get committed(): number {
    return this.#committed;
  }

  /** A turn that begins. */
  begin(): Item {
    return { id: newId("item"), isCommitted: false };
  }

  started(item: Item, seconds: number): void {
    this.#send({
      type: "input_audio_buffer.speech_started",
      audio_start_ms: milliseconds(seconds),
      item_id: item.id,
    });
  }

  stopped(item: Item, seconds: number): void {
    this.#send({
      type: "input_audio_buffer.speech_stopped",
      audio_end_ms: milliseconds(seconds),
      item_id: item.id,
    });
  }

  /** Nothing was said for long: what there is becomes a turn. */
  timedOut(item: Item, startSeconds: number, endSeconds: number): void {
    this.#send({
      type: "input_audio_buffer.timeout_triggered",
      audio_start_ms: milliseconds(startSeconds),
      audio_end_ms: milliseconds(endSeconds),
      item_id: item.id,
    });
  }

  /** No more sound belongs to the turn. */
  commit(item: Item): void {
    if (item.isCommitted) return;
    item.isCommitted = true;
    this.#committed++;
    const previous = { previous_item_id: this.#last };
    this.#last = item.id;
    this.#send({ type: "input_audio_buffer.committed", ...previous, item_id: item.id });
    const content = [{ type: "input_audio", transcript: null }];
    const whole = {
      id: item.id,
      object: "realtime.item",
      type: "message",
      status: "completed",
      role: "user",
      content,
    };
    this.#send({ type: "conversation.item.added", ...previous, item: whole });
    this.#send({ type: "conversation.item.done", ...previous, item: whole });
  }

  #transcription(kind: string, item: Item, more: Readonly<Record<string, unknown>>): void {
    const type = `conversation.item.input_audio_transcription.${kind}`;
    this.#send({ type, item_id: item.id, content_index: 0, ...more });
  }

  /** Text that will not change. */
  delta(item: Item, text: string, logprobs: readonly TokenLogprob[] | undefined): void {
    if (text !== "") this.#transcription("delta", item, { delta: text, ...logprobEntries(logprobs) });
  }

  /** Text that follows it for now; only for those who ask. */
  tentative(item: Item, text: string): void {
    this.#send({ type: "qwen3_asr.tentative", item_id: item.id, content_index: 0, text });
  }

  /** The text of a committed turn. */
  complete(item: Item, { text, seconds, languages, logprobs, warnings }: HeardItem): void {
    const codes = LANGUAGES.filter(({ name }) => languages.includes(name)).map(({ code }) => ({ code }));
    this.#transcription("completed", item, {
      transcript: text,
      usage: { type: "duration", seconds: Math.round(seconds * 1000) / 1000 },
      ...codes.length > 0 && { languages: codes },
      ...logprobEntries(logprobs),
      ...warnings.length > 0 && { warnings },
    });
    this.#count("completed");
  }

  /** There is no text of a committed turn. */
  fail(item: Item, { type, code, message, param }: RealtimeError): void {
    this.#transcription("failed", item, { error: { type, code, message, param } });
    this.#count("failed");
  }
}
