/**
 * Any recording as a stream: 16 kHz mono as it is read, nothing kept.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { Warning } from "../transcript.ts";
import { containerOf, SNIFF_BYTES } from "./container.ts";
import { decodeBlocks, refuseContainer } from "./load.ts";
import { Mixdown } from "./mixdown.ts";
import { type EncodedSource, openSource } from "./open_source.ts";
import { Resampler } from "./resample.ts";
import { SAMPLE_RATE } from "./samples.ts";

/** How a recording is read. */
export interface StreamAudioOptions {
  signal?: AbortSignal | undefined;
  /** What samples without a header are, e.g. `s16le:16000`. */
  raw?: string | undefined;
  /** Which of several audio tracks. */
  track?: number | string | undefined;
  /** Gets what a listener has to know. */
  warnings: Warning[];
}

/**
 * Reads a recording as its bytes arrive: a WAV file or raw samples wait for nothing but the next ones, several channels are
 * mixed a second at a time.
 *
 * @throws {AudioError} When it cannot be read as audio.
 */
export async function* streamAudio(
  source: EncodedSource,
  { signal, raw, track, warnings }: StreamAudioOptions,
): AsyncGenerator<Float32Array> {
  const bytes = await openSource(source, signal ? { signal } : {});
  try {
    const begin = await bytes.peek(raw === undefined ? SNIFF_BYTES : 1);
    if (begin.length === 0) throw new AudioError(`Cannot read ${bytes.name}: it is empty.`);
    const container = raw === undefined ? containerOf(begin) : "raw";
    refuseContainer(bytes.name, container);
    const options = {
      ...(signal ? { signal } : {}),
      ...(raw === undefined ? {} : { raw }),
      ...(track === undefined ? {} : { track }),
    };
    let mixdown: Mixdown | undefined;
    let resampler: Resampler | undefined;
    for await (
      const { channels, sampleRate, interleaved } of await decodeBlocks(bytes, container, options, warnings)
    ) {
      mixdown ??= new Mixdown({ channels, sampleRate });
      resampler ??= new Resampler(sampleRate, SAMPLE_RATE);
      for (const mono of mixdown.push(interleaved)) yield resampler.push(mono);
    }
    if (mixdown && resampler) {
      yield resampler.push(mixdown.flush());
      yield resampler.flush();
    }
  } finally {
    bytes.cancel();
  }
}
