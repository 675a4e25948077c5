/**
 * What a live stream is for those who feed it and those who read it: the microphone's command line, the server's sockets.
 *
 * @module
 */
import type { Segment, TokenLogprob, Word } from "../../transcript.ts";

/** Where in the stream something was said. */
interface LivePlace {
  /** Number of the utterance, from 0. */
  utterance: number;
  /** Where the utterance begins, in seconds of the stream. */
  startSeconds: number;
  /** Where it ends, or how far it has been heard, in seconds of the stream. */
  endSeconds: number;
}

/** Speech began (`speech-start`), or a pause ended it (`speech-end`). The text of an utterance comes between and after. */
export interface LiveSpeechEvent extends LivePlace {
  type: "speech-start" | "speech-end";
}

/** Text of an utterance. */
export interface LiveTextEvent extends LivePlace {
  /**
   * `committed`: what is appended to the utterance's text and never changes; `tentative`: what follows it for now, in the
   * place of the tentative text before; `final`: the whole text of the utterance, decoded once more without constraints,
   * which may differ from what was committed.
   */
  type: "committed" | "tentative" | "final";
  text: string;
  /** Canonical English name, "" when unknown. */
  language: string;
  /** How far the text is behind the sound: seconds of audio that were pushed and are not yet heard. */
  lagSeconds: number;
  /** How sure the model was, token by token; of `committed` and `final`, with `logprobs` asked for. */
  logprobs?: readonly TokenLogprob[];
  /** With times in seconds of the stream; of `final`, with `timestamps: "word"`. */
  words?: readonly Word[];
  /** Sentences with their times, in seconds of the stream; of `final`. */
  segments?: readonly Segment[];
  /** Why the text of `final` is missing or doubtful. */
  warning?: string;
}

/** What happens in a live stream, in order. */
export type LiveEvent = LiveSpeechEvent | LiveTextEvent;

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
