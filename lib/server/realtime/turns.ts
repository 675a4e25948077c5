/**
 * From what an ear hears to the items of a session: by voice activity each utterance is one, else all between two commits.
 *
 * @module
 */
import type { LiveTextEvent } from "../../recognize/live/live_stream.ts";
import type { Ear } from "../ear.ts";
import { JoinedText } from "../joined_text.ts";
import { TICKS_PER_SECOND } from "./audio_format.ts";
import type { Item, Items } from "./items.ts";
import { RealtimeError, realtimeErrorOf } from "./realtime_error.ts";

/** What is told of text. */
export interface Told {
  logprobs: boolean;
  tentative: boolean;
}

/** What an empty text with a warning is: not a silence, but speech that could not be written down. */
function failureOf(warnings: readonly string[]): RealtimeError {
  return new RealtimeError("transcription_failed", warnings.join(" "), { type: "server_error" });
}

/** Sound whose turns end at pauses. */
export class VoiceTurns {
  readonly ear: Ear;
  readonly #items: Items;
  readonly #told: Told;
  /** Turns without their final text, by the utterance's number. */
  readonly #open = new Map<number, Item>();
  #speaking: number | undefined;
  /** Where in the session what is not part of a turn begins. */
  #restSeconds: number;

  constructor(ear: Ear, items: Items, told: Told) {
    this.ear = ear;
    this.#items = items;
    this.#told = told;
    this.#restSeconds = ear.startSeconds;
  }

  /** Whether somebody speaks, as far as is heard. */
  get isSpeaking(): boolean {
    return this.#speaking !== undefined;
  }

  /** The end of the last turn, in seconds of the session. */
  get restSeconds(): number {
    return this.#restSeconds;
  }

  /** What was pushed by now will be of no turn. */
  drop(nowSeconds: number): void {
    if (this.#speaking !== undefined) this.#open.delete(this.#speaking);
    this.#speaking = undefined;
    this.#restSeconds = nowSeconds;
  }

  /** What was pushed by now has become a turn of its own. */
  took(nowSeconds: number): void {
    this.#restSeconds = nowSeconds;
  }

  /**
   * Writes everything that is heard.
   *
   * @param onPause Called at the end of each turn.
   * @throws {RealtimeError} When hearing fails outside of a committed turn.
   */
  async read(onPause: () => void): Promise<void> {
    try {
      for await (const event of this.ear.events()) {
        const at = this.ear.startSeconds;
        if (event.type === "speech-start") {
          const item = this.#items.begin();
          this.#open.set(event.utterance, item);
          this.#speaking = event.utterance;
          this.#items.started(item, at + event.startSeconds);
          continue;
        }
        const item = this.#open.get(event.utterance);
        // What was cleared is not told of.
        if (!item) continue;
        if ("text" in event) this.#write(item, event, at);
        else {
          this.#end(item, event.utterance, at + event.endSeconds);
          onPause();
        }
      }
    } catch (error) {
      this.#fail(realtimeErrorOf(error));
    }
  }

  #end(item: Item, utterance: number, seconds: number): void {
    if (this.#speaking === utterance) this.#speaking = undefined;
    if (item.isCommitted) return;
    this.#restSeconds = Math.max(this.#restSeconds, seconds);
    this.#items.stopped(item, seconds);
    this.#items.commit(item);
  }

  #write(item: Item, event: LiveTextEvent, at: number): void {
    if (event.type === "tentative") {
      if (this.#told.tentative) this.#items.tentative(item, event.text);
      return;
    }
    const logprobs = this.#told.logprobs ? event.logprobs ?? [] : undefined;
    if (event.type === "committed") return this.#items.delta(item, event.text, logprobs);
    this.#end(item, event.utterance, at + event.endSeconds);
    this.#open.delete(event.utterance);
    const warnings = event.warning === undefined ? [] : [event.warning];
    const text = event.text.trim();
    if (text === "" && warnings.length > 0) return this.#items.fail(item, failureOf(warnings));
    const seconds = event.endSeconds - event.startSeconds;
    this.#items.complete(item, { text, seconds, languages: [event.language], logprobs, warnings });
  }

  #fail(error: RealtimeError): void {
    this.#speaking = undefined;
    for (const item of this.#open.values()) if (item.isCommitted) this.#items.fail(item, error);
    this.#open.clear();
    throw error;
  }
}

/** Sound that becomes a turn when the client says so. */
export class ManualTurn {
  readonly ear: Ear;
  readonly item: Item;
  /** Sound in it. */
  ticks = 0;
  readonly #items: Items;
  readonly #told: Told;
  /** Why it cannot be heard. */
  #failure: RealtimeError | undefined;

  constructor(ear: Ear, items: Items, told: Told) {
    this.ear = ear;
    this.item = items.begin();
    this.#items = items;
    this.#told = told;
  }

  /** The turn is complete: its text follows. */
  commit(): void {
    this.#items.commit(this.item);
    this.ear.end();
    if (this.#failure) this.#items.fail(this.item, this.#failure);
  }

  /** Writes everything that is heard. A failure is told when the turn is committed: before it, it has no name. */
  async read(): Promise<void> {
    const { item } = this;
    const joined = new JoinedText();
    try {
      for await (const event of this.ear.events()) {
        if (!("text" in event)) continue;
        if (event.type === "final") joined.settle(event);
        if (event.type === "tentative" && this.#told.tentative) this.#items.tentative(item, event.text);
        if (event.type === "committed") {
          this.#items.delta(
            item,
            joined.added(event),
            this.#told.logprobs ? event.logprobs ?? [] : undefined,
          );
        }
      }
      if (item.isCommitted) this.#complete(joined);
    } catch (cause) {
      this.#failure = realtimeErrorOf(cause);
      if (item.isCommitted) this.#items.fail(item, this.#failure);
    }
  }

  #complete({ text, warnings, languages, logprobs }: JoinedText): void {
    if (text === "" && warnings.length > 0) return this.#items.fail(this.item, failureOf(warnings));
    this.#items.complete(this.item, {
      text,
      seconds: this.ticks / TICKS_PER_SECOND,
      languages,
      logprobs: this.#told.logprobs ? logprobs : undefined,
      warnings,
    });
  }
}
