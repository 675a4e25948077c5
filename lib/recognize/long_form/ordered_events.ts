/**
 * From tokens of chunks that are decoded side by side to text in the order of the recording.
 *
 * @module
 */
import { TextStream } from "../../text/detokenizer.ts";
import { joinTexts } from "../../text/join.ts";
import { settledText } from "../../text/answer.ts";
import { afterLanguageLine, parseTranscript } from "../../text/parse.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { strip } from "../../text/whitespace.ts";
import type { ChunkResult } from "../../transcript.ts";
import type { TranscriptEvent } from "../events.ts";

/** As much of the text so far as `joinTexts` looks at. */
const TAIL = 64;

/** Without the white space that neither parsing nor joining keeps. */
function trimmed(text: string): string {
  return strip(text).trim();
}

/** The text of one chunk as its tokens come. */
class ChunkText {
  readonly #stream: TextStream;
  readonly #forced: string | undefined;
  #raw = "";
  /** As the model named it, "" before it has. */
  language = "";

  constructor(tokenizer: Tokenizer, forced: string | undefined) {
    this.#stream = new TextStream(tokenizer);
    this.#forced = forced;
  }

  push(id: number): void {
    this.#raw += this.#stream.push(id);
    if (!this.#forced && this.language === "" && afterLanguageLine(this.#raw) !== undefined) {
      this.language = parseTranscript(this.#raw + ".").language;
    }
  }

  /** Text so far: without the language line; white space at the ends and what may become a frame are held back. */
  get visible(): string {
    return trimmed(settledText((this.#forced ? this.#raw : afterLanguageLine(this.#raw)) ?? ""));
  }
}

/** Sends events in order: nothing of a chunk before the chunks in front of it are finished. */
export class OrderedEvents {
  readonly #emit: (event: TranscriptEvent) => void;
  readonly #tokenizer: Tokenizer;
  readonly #forced: string | undefined;
  /** Tokens of chunks behind the front. */
  readonly #waiting = new Map<number, number[]>();
  readonly #finished = new Map<number, ChunkResult>();
  readonly #durationSeconds: number;
  /** End of the text of the chunks before. */
  #tail = "";
  /** The chunk whose turn it is, */
  #front = 0;
  /** what was written of it, */
  #text: ChunkText;
  /** how much of that was sent, */
  #given = "";
  /** and whether its language was. */
  #named = false;

  constructor(
    emit: (event: TranscriptEvent) => void,
    options: {
      tokenizer: Tokenizer;
      forcedLanguage: string | undefined;
      durationSeconds: number;
      /** Chunks that were told of in an earlier call: the first ones. */
      before?: readonly ChunkResult[] | undefined;
      /** The first chunk that is still to come. @default {the number of those before} */
      first?: number | undefined;
    },
  ) {
    this.#emit = emit;
    this.#tokenizer = options.tokenizer;
    this.#forced = options.forcedLanguage;
    this.#durationSeconds = options.durationSeconds;
    this.#text = new ChunkText(this.#tokenizer, this.#forced);
    this.#front = options.first ?? options.before?.length ?? 0;
    this.#tail = joinTexts(options.before?.map(({ text }) => trimmed(text)) ?? []).slice(-TAIL).trimStart();
  }

  /** What stands between the text so far and the front chunk's. */
  #separator(next: string): string {
    return joinTexts([this.#tail, next]).slice(this.#tail.length, -next.length);
  }

  #name(language: string): void {
    if (this.#named || this.#forced || language === "") return;
    this.#named = true;
    this.#emit({ type: "language", chunkIndex: this.#front, language });
  }

  /** Sends what the front chunk's text has gained; text that was changed since is left to the `chunk` event. */
  #give(text: string, isWhole: boolean): void {
    if (text.length === this.#given.length || !text.startsWith(this.#given)) return;
    let more = text.slice(this.#given.length);
    if (this.#given === "") {
      // Whether a blank goes before it may depend on the first letter.
      if (this.#tail !== "" && !isWhole && !/\p{L}/u.test(text)) return;
      more = this.#separator(text) + more;
    }
    this.#given = text;
    this.#emit({ type: "delta", chunkIndex: this.#front, text: more });
  }

  #push(id: number): void {
    this.#text.push(id);
    this.#name(this.#text.language);
    this.#give(this.#text.visible, false);
  }

  /** A token of a chunk's first decoding. */
  token(chunkIndex: number, id: number): void {
    if (chunkIndex === this.#front) return this.#push(id);
    const ids = this.#waiting.get(chunkIndex) ?? [];
    ids.push(id);
    this.#waiting.set(chunkIndex, ids);
  }

  #close(chunk: ChunkResult): void {
    const text = trimmed(chunk.text);
    this.#name(chunk.language);
    this.#give(text, true);
    this.#emit({
      type: "chunk",
      chunk,
      doneSeconds: chunk.endSeconds,
      durationSeconds: this.#durationSeconds,
    });
    this.#finished.delete(this.#front);
    this.#tail = joinTexts([this.#tail, text]).slice(-TAIL).trimStart();
    this.#given = "";
    this.#named = false;
    this.#front++;
    this.#text = new ChunkText(this.#tokenizer, this.#forced);
    for (const id of this.#waiting.get(this.#front) ?? []) this.#push(id);
    this.#waiting.delete(this.#front);
  }

  /** A finished chunk. */
  finish(chunk: ChunkResult): void {
    this.#finished.set(chunk.index, chunk);
    for (let ready = this.#finished.get(this.#front); ready; ready = this.#finished.get(this.#front)) {
      this.#close(ready);
    }
  }
}
