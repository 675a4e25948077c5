/**
 * Where utterances begin and end in a stream, frame by frame of voice activity. Silence belongs to none.
 *
 * @module
 */
import { SAMPLE_RATE } from "../../audio/samples.ts";
import { FRAME_SAMPLES } from "../../vad/frames.ts";
import { SpeechTracker, type VadOptions } from "../../vad/intervals.ts";

/** Speech that goes on behind a cut needs not begin anew; less than this is the end of a sound. */
const CONTINUED_SAMPLES = 0.1 * SAMPLE_RATE;

/** What a frame may tell; places are samples of the stream. */
export type Endpoint =
  | { type: "start"; startSample: number }
  /** Speech reaches to here, what is heard with it included. */
  | { type: "more"; endSample: number }
  | { type: "end"; endSample: number };

/** Finds utterances. */
export class Endpointer {
  readonly #tracker: SpeechTracker;
  readonly #minSpeech: number;
  readonly #pad: number;
  readonly #ends: boolean;
  /** Samples of the frames that were taken. */
  #at = 0;
  /** No utterance begins before. */
  #floor = 0;
  #isOpen = false;

  /**
   * @param vad Complete options.
   * @param endpointing Whether silence ends an utterance.
   */
  constructor(vad: Required<{ [K in keyof VadOptions]: number }>, endpointing: boolean) {
    this.#tracker = new SpeechTracker(vad);
    this.#minSpeech = vad.minSpeechSeconds * SAMPLE_RATE;
    this.#pad = Math.round(vad.speechPadSeconds * SAMPLE_RATE);
    this.#ends = endpointing;
  }

  /** Takes the next frame. */
  push(probability: number): Endpoint[] {
    const ended = this.#tracker.push(probability);
    this.#at += FRAME_SAMPLES;
    const said: Endpoint[] = [];
    const open = this.#tracker.open ?? ended;
    if (!open) return said;
    const goesOn = open.startSample < this.#floor;
    const spoken = open.endSample - Math.max(open.startSample, this.#floor);
    if (!this.#isOpen && spoken > (goesOn ? CONTINUED_SAMPLES : this.#minSpeech)) {
      this.#isOpen = true;
      said.push({ type: "start", startSample: Math.max(this.#floor, open.startSample - this.#pad, 0) });
    }
    if (!this.#isOpen) return said;
    const endSample = Math.min(this.#at, open.endSample + this.#pad);
    if (endSample <= this.#floor) return said;
    if (ended && this.#ends) said.push(this.cut(endSample));
    else said.push({ type: "more", endSample });
    return said;
  }

  /** Ends the utterance that is open at a sample; speech that goes on begins the next. */
  cut(endSample: number): Endpoint & { type: "end" } {
    this.#isOpen = false;
    this.#floor = endSample;
    return { type: "end", endSample };
  }

  /** Whether there is an utterance. */
  get isOpen(): boolean {
    return this.#isOpen;
  }
}
