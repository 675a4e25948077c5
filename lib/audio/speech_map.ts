/**
 * What voice activity says of a recording, or of a piece of one.
 *
 * @module
 */
import { SAMPLE_RATE } from "./samples.ts";

/** A stretch of a recording, in samples. */
export interface SampleRange {
  /** First sample. */
  startSample: number;
  /** Sample after the last. */
  endSample: number;
}

/** What a map is made of. */
export interface SpeechMapParts {
  /** Length of the recording in samples. */
  samples: number;
  /** Samples that a probability stands for. */
  frameSamples: number;
  /** How likely each frame is speech. */
  probabilities: Float32Array;
  /** Where there is speech: in order, without overlap. */
  ranges: readonly SampleRange[];
  /** Sample at which the first frame begins: 0 or, in a piece, a little before it. @default {0} */
  offsetSamples?: number;
}

/**
 * Probabilities and intervals of speech. Places are samples from the start of what the map is of.
 *
 * @example
 * ```ts
 * import { SpeechMap } from "./speech_map.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const map = new SpeechMap({
 *   samples: 3000,
 *   frameSamples: 1000,
 *   probabilities: Float32Array.of(0, 1, 0.25),
 *   ranges: [{ startSample: 900, endSample: 2100 }],
 * });
 * const piece = map.within({ startSample: 1500, endSample: 3000 });
 * assertEquals(piece.ranges, [{ startSample: 0, endSample: 600 }]);
 * assertEquals([piece.likeliest(0, 600), piece.likeliest(600, 1500), piece.speechSamples], [1, 0.25, 600]);
 * ```
 */
export class SpeechMap {
  /** Length in samples. */
  readonly samples: number;
  /** Where there is speech: in order, without overlap. */
  readonly ranges: readonly SampleRange[];
  /** How likely each frame is speech. */
  readonly probabilities: Float32Array;
  /** Samples of a frame. */
  readonly frameSamples: number;
  /** Sample at which the first frame begins: 0 or, in a piece, a little before it. */
  readonly offsetSamples: number;

  /** Takes over what it is made of. */
  constructor({ samples, ranges, probabilities, frameSamples, offsetSamples = 0 }: SpeechMapParts) {
    this.samples = samples;
    this.ranges = ranges;
    this.probabilities = probabilities;
    this.frameSamples = frameSamples;
    this.offsetSamples = offsetSamples;
  }

  /**
   * Where there is speech, in seconds of a 16 kHz recording.
   *
   * @param offsetSeconds Second at which what the map is of begins.
   */
  stretches(offsetSeconds = 0): { startSeconds: number; endSeconds: number }[] {
    return this.ranges.map(({ startSample, endSample }) => ({
      startSeconds: offsetSeconds + startSample / SAMPLE_RATE,
      endSeconds: offsetSeconds + endSample / SAMPLE_RATE,
    }));
  }

  /** Samples that lie in speech. */
  get speechSamples(): number {
    return this.ranges.reduce((sum, { startSample, endSample }) => sum + endSample - startSample, 0);
  }

  /** Largest probability of the frames that touch `start` up to `end`; 0 where there is none. */
  likeliest(start: number, end: number): number {
    const { probabilities, frameSamples, offsetSamples } = this;
    const first = Math.max(0, Math.floor((start - offsetSamples) / frameSamples));
    const last = Math.min(probabilities.length, Math.ceil((end - offsetSamples) / frameSamples));
    let most = 0;
    for (let frame = first; frame < last; frame++) most = Math.max(most, probabilities[frame]!);
    return most;
  }

  /** Stretches between the intervals, before the first and after the last. */
  gaps(): SampleRange[] {
    const starts = [0, ...this.ranges.map(({ endSample }) => endSample)];
    const ends = [...this.ranges.map(({ startSample }) => startSample), this.samples];
    return starts.map((startSample, i) => ({ startSample, endSample: ends[i]! }))
      .filter(({ startSample, endSample }) => endSample > startSample);
  }

  /** The map of a piece. */
  within({ startSample, endSample }: SampleRange): SpeechMap {
    const { probabilities, frameSamples, offsetSamples } = this;
    const first = Math.max(0, Math.floor((startSample - offsetSamples) / frameSamples));
    const last = Math.ceil((endSample - offsetSamples) / frameSamples);
    const ranges = this.ranges.map((range) => ({
      startSample: Math.max(0, range.startSample - startSample),
      endSample: Math.min(endSample, range.endSample) - startSample,
    }));
    return new SpeechMap({
      samples: endSample - startSample,
      frameSamples,
      probabilities: probabilities.subarray(first, last),
      ranges: ranges.filter((range) => range.endSample > range.startSample),
      offsetSamples: offsetSamples + first * frameSamples - startSample,
    });
  }
}
