/**
 * Whether all speech of a chunk became text, and only once: voice activity says where speech is, the decoder's own
 * attention says where it has looked, the text says whether it repeats itself. Without voice activity only the text is
 * left.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import type { SpeechMap } from "../../audio/speech_map.ts";
import { comparableWords, editDistance } from "../../text/edit_distance.ts";
import { splitSentences } from "../../text/join.ts";
import { findRepeatedSentences } from "../../text/loops.ts";
import type { Coverage, FinishReason } from "../../transcript.ts";
import type { Clip } from "../clip.ts";
import type { ClipAnswer } from "../clip_answer.ts";

/** Seconds of one audio token: 100 mel frames of 10 ms become 13. */
const TOKEN_SECONDS = 1 / 13;
/** Speech that no watched head gave more than this was not read. Measured on the demo model: read speech gets 0.35 to 0.9. */
const UNREAD_ATTENTION = 0.3;
/** Shorter stretches of unread speech are breath, noise or a cut word. */
const UNREAD_SECONDS = 0.8;
/** Speech less likely than this was not missed. */
const SURE_PROBABILITY = 0.9;
/** Fewer tokens a second of speech than anybody speaks: the slowest of the 30 languages is above 1.5. */
const THIN_RATE = 0.8;
/** Speech below which a rate says nothing. */
const RATE_SECONDS = 3;
/** Speech that should not be without any text. */
const WORDLESS_SECONDS = 1;
/** Below this much speech a chunk counts as without. */
const NO_SPEECH_SECONDS = 0.25;
/** Sentences of at least so many words */
const SIMILAR_WORDS = 5;
/** that differ in at most this part are the same sentence heard twice. */
const SIMILAR_PART = 0.25;

/** What there is to say about a chunk that an abort has cut. */
export const ABORTED = "The call was aborted before its text ended.";

/** What is known of a chunk. */
export interface ChunkEvidence {
  /** Undefined when it was not looked for. */
  speech: SpeechMap | undefined;
  text: string;
  /** Tokens of the text, the language line not counted. */
  tokenCount: number;
  finishReason: FinishReason;
  /** Largest attention per audio token. */
  attended: Float32Array | undefined;
}

/** What is known of a clip and its answer. */
export function evidenceOf(
  { speech }: Clip,
  { text, textTokens, finishReason, attended }: ClipAnswer,
): ChunkEvidence {
  return { speech, text, tokenCount: textTokens, finishReason, attended };
}

/** Neighbouring sentences that are nearly the same: a word more or less, as a decoder that lost its place writes them. */
function similarNeighbours(text: string): string[] {
  const sentences = splitSentences(text);
  const words = sentences.map(comparableWords);
  return sentences.filter((_, index) => {
    const [a, b] = [words[index]!, words[index + 1] ?? []];
    if (Math.min(a.length, b.length) < SIMILAR_WORDS || a.join(" ") === b.join(" ")) return false;
    return editDistance(a, b) <= SIMILAR_PART * Math.max(a.length, b.length) - 0.5;
  });
}

/** Stretches of sure speech that the decoder never looked at, in seconds of the chunk. */
function unreadStretches(
  speech: SpeechMap,
  attended: Float32Array,
): { startSeconds: number; endSeconds: number }[] {
  const isSpeech = (second: number) => {
    const place = second * SAMPLE_RATE;
    return speech.ranges.some(({ startSample, endSample }) => place >= startSample && place <= endSample) &&
      speech.likeliest(place, place + 1) >= SURE_PROBABILITY;
  };
  const stretches: { startSeconds: number; endSeconds: number }[] = [];
  let start = -1, spoken = 0;
  for (let token = 0; token <= attended.length; token++) {
    const read = token === attended.length || attended[token]! >= UNREAD_ATTENTION;
    if (!read) {
      if (start < 0) [start, spoken] = [token, 0];
      if (isSpeech((token + 0.5) * TOKEN_SECONDS)) spoken++;
    } else if (start >= 0) {
      // A read token covers its neighbourhood: only what lies far from any is unread.
      if (spoken * TOKEN_SECONDS >= 2 * UNREAD_SECONDS) {
        stretches.push({ startSeconds: start * TOKEN_SECONDS, endSeconds: token * TOKEN_SECONDS });
      }
      start = -1;
    }
  }
  return stretches;
}

function clock(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}

function secondsOf(speech: SpeechMap): number {
  return speech.speechSamples / SAMPLE_RATE;
}

/** What the text says by itself. */
function doubtsOfText({ text }: ChunkEvidence): string[] {
  const found: string[] = [];
  for (const sentence of findRepeatedSentences(text)) {
    found.push(`A sentence stands there twice: "${sentence.trim()}"`);
  }
  for (const sentence of similarNeighbours(text)) {
    found.push(`Two neighbouring sentences are nearly the same: "${sentence.trim()}"`);
  }
  return found;
}

/** Whether nothing was written although there is speech. */
function isWordless(speech: SpeechMap | undefined, text: string): boolean {
  return text === "" && speech !== undefined && secondsOf(speech) >= WORDLESS_SECONDS;
}

/** What speech, text and attention say together. */
function doubtsOfSpeech(speech: SpeechMap, { text, tokenCount, attended }: ChunkEvidence): string[] {
  const speechSeconds = secondsOf(speech);
  if (isWordless(speech, text)) {
    return [`Nothing was written for ${clock(speechSeconds)} that sound like speech.`];
  }
  const found: string[] = [];
  const rate = tokenCount / speechSeconds;
  if (speechSeconds >= RATE_SECONDS && rate < THIN_RATE) {
    found.push(`Only ${rate.toFixed(1)} tokens a second of speech: text seems to be missing.`);
  }
  for (const { startSeconds, endSeconds } of attended ? unreadStretches(speech, attended) : []) {
    found.push(
      `The decoder never looked at the speech from ${clock(startSeconds)} to ${
        clock(endSeconds)
      } of the chunk.`,
    );
  }
  return found;
}

/** Everything that makes a chunk's text doubtful, one sentence each. */
export function doubts(evidence: ChunkEvidence): string[] {
  const { speech, text, finishReason } = evidence;
  if (finishReason === "cancelled") return [ABORTED];
  const found: string[] = [];
  if (finishReason === "repetition") found.push("The decoder went round in a loop.");
  if (finishReason === "length") found.push("The token budget ran out before the text ended.");
  if (speech && secondsOf(speech) < NO_SPEECH_SECONDS) {
    if (text !== "") found.push("Text was written where nobody speaks: it may be invented.");
    return found;
  }
  found.push(...doubtsOfText(evidence));
  if (speech) found.push(...doubtsOfSpeech(speech, evidence));
  return found;
}

/** How strong the evidence is that a text is wrong: what is decoded again first. 0: none. */
export function gravityOf(evidence: ChunkEvidence): number {
  const { speech, text, finishReason } = evidence;
  if (finishReason === "repetition" || finishReason === "length") return 3;
  if (isWordless(speech, text)) return 3;
  if (doubtsOfText(evidence).length > 0) return 2;
  return doubts(evidence).length > 0 ? 1 : 0;
}

/** The verdict on a chunk. */
export function coverageOf(evidence: ChunkEvidence, reasons: string[] = doubts(evidence)): Coverage {
  const speechSeconds = evidence.speech ? secondsOf(evidence.speech) : 0;
  return {
    speechSeconds,
    tokensPerSecond: speechSeconds > 0 ? evidence.tokenCount / speechSeconds : 0,
    verdict: reasons.length > 0 ? "suspect" : evidence.text === "" ? "no-speech" : "complete",
    reasons,
  };
}
