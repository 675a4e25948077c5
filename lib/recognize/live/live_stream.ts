/**
 * What a live stream is for those who feed it and those who read it: the microphone's command line, the server's sockets.
 *
 * @module
 */
import type { Segment, TokenLogprob, Word } from "../../transcript.ts";

/**
 * What happens in a live stream, in order.
 *
 * - `speech-start`: speech began; `speech-end`: a pause ended it. Text of the utterance comes in between and behind
 * - `committed`: text that is appended to the utterance's and never changes
 * - `tentative`: text that follows it for now, in the place of the tentative text before
 * - `final`: the whole text, decoded once more without constraints: it may differ from what was committed
 */
export type LiveEvent =
  & {
    /** Number of the utterance, from 0. */
    utterance: number;
    /** Where the utterance begins, in seconds of the stream. */
    startSeconds: number;
    /** Where it ends, or how far it has been heard, in seconds of the stream. */
    endSeconds: number;
  }
  & (
    | { type: "speech-start" | "speech-end" }
    | {
      type: "committed" | "tentative" | "final";
      text: string;
      /** Canonical English name, "" when unknown. */
      language: string;
      /** How far the text is behind the sound: seconds of audio that were pushed and are not yet heard. */
      lagSeconds: number;
    }
      & (
        | { type: "tentative" }
        | {
          type: "committed";
          /** How sure the model was, token by token, with `logprobs` asked for. */
          logprobs?: readonly TokenLogprob[];
        }
        | {
          type: "final";
          /** How sure the model was, token by token, with `logprobs` asked for. */
          logprobs?: readonly TokenLogprob[];
          /** Sentences with their times, in seconds of the stream. */
          segments?: readonly Segment[];
          /** With times in seconds of the stream, with `timestamps: "word"`. */
          words?: readonly Word[];
          /** Why the text is missing or doubtful. */
          warning?: string;
        }
      )
  );

/** What is told of an utterance's text, settled or not. */
export type LiveTextEvent = Extract<LiveEvent, { text: string }>;
/** The whole text of an utterance. */
export type LiveFinal = Extract<LiveEvent, { type: "final" }>;

/** A stream that is being heard: sound goes in, events come out. One reader. */
export interface LiveStream extends AsyncIterable<LiveEvent>, AsyncDisposable {
  /**
   * Appends sound; returns at once, never waits for recognition.
   *
   * @param samples Mono, [-1, 1] or 16 bits; copied.
   * @throws {AudioError} When a sample is NaN or infinite: nothing is appended then.
   * @throws {OptionError} When the stream has ended or the rate is not usable.
   */
  push(samples: Float32Array | Int16Array, options?: { sampleRate?: number }): void;
  /** Ends the utterance with what was pushed so far, as a pause would; nothing happens when there is none. */
  cut(): void;
  /** Forgets what was pushed and is not part of a cut utterance. */
  clear(): void;
  /** No more sound comes: what is left is heard. Resolves when the last event is there to be read. */
  end(): Promise<void>;
  /** Seconds of sound that were pushed and are not yet heard. */
  readonly lagSeconds: number;
  /** Seconds of sound that were pushed. */
  readonly pushedSeconds: number;
}
