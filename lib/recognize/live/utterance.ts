/**
 * One utterance while it is heard: hypotheses, and what of them is committed.
 *
 * A token is committed when two hypotheses in a row have it, less the last few; committed text is forced as the beginning
 * of every later hypothesis, so that it can only grow. The next hypothesis is a draft of the last one, verified in one
 * pass; encoder windows, keys and values of what has been heard are kept.
 *
 * @module
 */
import { parseAnswer } from "../../text/answer.ts";
import { type Tokenizer, UNDECODABLE } from "../../text/tokenizer.ts";
import type { TokenLogprob, Transcript } from "../../transcript.ts";
import { tokenBudget } from "../clip.ts";
import type { ClipAnswer } from "../clip_answer.ts";
import type { ClipDecoder } from "../engine.ts";
import type { GrowingClip } from "../growing_clip.ts";
import type { RecognizeSettings } from "../settings.ts";
import { Timing } from "../timing.ts";

/** Scripts whose words are not told apart by blanks: any character may end what is committed. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]$/u;
const ENDS_INSIDE = /[\p{L}\p{M}\p{N}'’-]$/u;
const GOES_ON = /^[\p{L}\p{M}\p{N}'’-]/u;

/** What a step has changed. */
export interface StepResult {
  /** Text that is appended to what was committed, "" when none is. */
  committed: string;
  logprobs: readonly TokenLogprob[];
  /** What follows it for now. */
  tentative: string;
  language: string;
}

/** What is committed when an utterance has ended. */
export type Rest = Pick<StepResult, "logprobs"> & { text: string };

/** Which tokens may be committed. */
export interface CommitRule {
  unfixedSteps: number;
  unfixedTokens: number;
}

/** Hypotheses of one utterance. */
export class Hypotheses {
  readonly #decoder: ClipDecoder;
  readonly #clip: GrowingClip;
  readonly #settings: RecognizeSettings;
  readonly #rule: CommitRule;
  /** Tokens of the last hypothesis, its language line included. */
  #ids: readonly number[] = [];
  /** How many of them are committed, */
  #fixed = 0;
  /** as they are forced, */
  #prefix = "";
  /** and as they are read. */
  #committed = "";
  #steps = 0;

  /** @param clip Kept for this utterance; the caller disposes it. */
  constructor(decoder: ClipDecoder, clip: GrowingClip, settings: RecognizeSettings, rule: CommitRule) {
    this.#decoder = decoder;
    this.#clip = clip;
    this.#settings = settings;
    this.#rule = rule;
  }

  /** Tokens of the last hypothesis, to begin from. */
  get draft(): readonly number[] {
    return this.#ids;
  }

  /**
   * Hears the utterance as far as it has come.
   *
   * @param samples All of it, 16 kHz mono.
   * @returns What has changed; undefined when nothing can be said of it, for a fault of this step or an abort.
   */
  async step(samples: Float32Array): Promise<StepResult | undefined> {
    const answer = await this.#decode(samples);
    if (answer.finishReason !== "stop") {
      // A loop says nothing of what comes; what is committed stays, and the next step begins behind it.
      this.#ids = this.#ids.slice(0, this.#fixed);
      return undefined;
    }
    const ids = [...this.#ids.slice(0, this.#fixed), ...answer.tokens];
    const fixed = this.#steps++ < this.#rule.unfixedSteps ? this.#fixed : this.#agreed(ids);
    const news = this.#commit(ids, fixed);
    const parsed = parseAnswer(answer.rawText, this.#settings.language);
    return {
      ...news,
      logprobs: this.#logprobsOf(answer.tokens.slice(0, news.tokens), answer.logprobs ?? []),
      tentative: parsed.text.startsWith(this.#committed) ? parsed.text.slice(this.#committed.length) : "",
      language: parsed.language,
    };
  }

  async #decode(samples: Float32Array): Promise<ClipAnswer> {
    const { context, language, languages, temperature, seed, logprobs, signal } = this.#settings;
    const [answer] = await this.#decoder.decode([{
      samples,
      context,
      language,
      languages,
      temperature,
      seed,
      logprobs,
      prefix: this.#prefix,
      maxTokens: tokenBudget(samples.length),
      growing: this.#clip,
      draft: this.#ids.slice(this.#fixed),
    }], { timing: new Timing(), signal });
    return answer!;
  }

  /**
   * What is committed at the end, behind what was: the rest of the final text where that begins with it, else what the
   * whole utterance says behind it.
   *
   * @param samples The whole utterance.
   */
  async rest(samples: Float32Array, final: Pick<Transcript, "text" | "chunks">): Promise<Rest> {
    const before = this.#committed;
    if (final.text.startsWith(before)) {
      const tokens = final.chunks.flatMap(({ logprobs = [] }) => logprobs);
      let length = 0;
      return {
        text: final.text.slice(before.length),
        logprobs: tokens.filter(({ token }) => (length += token.length) > before.length),
      };
    }
    const answer = await this.#decode(samples);
    const { text } = parseAnswer(answer.rawText, this.#settings.language);
    const isMore = answer.finishReason === "stop" && text.startsWith(before) && !text.includes(UNDECODABLE);
    return { text: isMore ? text.slice(before.length) : "", logprobs: isMore ? answer.logprobs ?? [] : [] };
  }

  /** Tokens that two hypotheses have in common, less the last. */
  #agreed(ids: readonly number[]): number {
    const most = Math.min(this.#ids.length, ids.length - this.#rule.unfixedTokens);
    let same = this.#fixed;
    while (same < most && ids[same] === this.#ids[same]) same++;
    return endOfWord(this.#decoder.tokenizer, ids, this.#fixed, same);
  }

  #commit(ids: readonly number[], fixed: number): { committed: string; tokens: number } {
    const { language } = this.#settings;
    const prefix = rawText(this.#decoder.tokenizer, ids.slice(0, fixed));
    const { text } = parseAnswer(prefix, language);
    // A language line alone would force "no speech" on all that comes.
    const isMore = text.length > this.#committed.length && text.startsWith(this.#committed);
    const before = this.#committed, count = this.#fixed;
    this.#ids = ids;
    if (!isMore) return { committed: "", tokens: 0 };
    this.#fixed = fixed;
    this.#prefix = prefix;
    this.#committed = text;
    return { committed: text.slice(before.length), tokens: fixed - count };
  }

  /** Of the text's tokens; those of the language line have none. */
  #logprobsOf(tokens: readonly number[], logprobs: readonly TokenLogprob[]): TokenLogprob[] {
    const { tokenizer } = this.#decoder;
    const own = tokens.slice(tokens.lastIndexOf(tokenizer.textTag) + 1);
    return logprobs.slice(0, own.filter((id) => !tokenizer.isSpecial(id)).length);
  }
}

function rawText(tokenizer: Tokenizer, ids: readonly number[]): string {
  return tokenizer.decode([...ids], { skipSpecialTokens: false });
}

/** The last place from `least` up to `most` at which neither a character nor a word is cut, and behind no broken one. */
function endOfWord(tokenizer: Tokenizer, ids: readonly number[], least: number, most: number): number {
  for (let end = most; end > least; end--) {
    const before = rawText(tokenizer, ids.slice(0, end));
    if (before.includes(UNDECODABLE)) continue;
    const behind = rawText(tokenizer, ids.slice(end));
    if (!ENDS_INSIDE.test(before) || UNSPACED.test(before) || !GOES_ON.test(behind)) return end;
  }
  return least;
}
