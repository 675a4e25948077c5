/**
 * One text of all utterances of a stream.
 *
 * @module
 */
import type { LiveFinal, LiveTextEvent } from "../recognize/live/live_stream.ts";
import { joinTexts } from "../text/join.ts";
import type { TokenLogprob } from "../transcript.ts";

/** Utterances follow each other with a blank, in scripts that have some. */
export class JoinedText {
  readonly #committed = new Map<number, string>();
  readonly #finals: LiveFinal[] = [];

  /** What an event of committed text adds to the text that is shown. */
  added({ utterance, text }: LiveTextEvent): string {
    const isFirst = !this.#committed.has(utterance);
    const before = isFirst ? joinTexts([...this.#committed.values()]) : "";
    const own = isFirst ? text.trimStart() : text;
    const gap = isFirst ? joinTexts([before, own]).slice(before.length, -own.trim().length || undefined) : "";
    this.#committed.set(utterance, (this.#committed.get(utterance) ?? "") + own);
    return gap + own;
  }

  /** Keeps the final text of an utterance. */
  settle(event: LiveFinal): void {
    this.#finals.push(event);
  }

  /** All final texts. */
  get text(): string {
    return joinTexts(this.#finals.map(({ text }) => text));
  }

  /** What is doubtful about it. */
  get warnings(): string[] {
    return this.#finals.flatMap(({ warning }) => warning === undefined ? [] : [warning]);
  }

  /** English names, of each utterance with a text. */
  get languages(): string[] {
    return this.#finals.filter(({ text }) => text !== "").map(({ language }) => language);
  }

  get logprobs(): TokenLogprob[] {
    return this.#finals.flatMap(({ logprobs = [] }) => logprobs);
  }
}
