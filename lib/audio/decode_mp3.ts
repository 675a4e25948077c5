/**
 * MP3 files through minimp3 as WebAssembly, without ffmpeg.
 *
 * @module
 */
import { Breath } from "../breathe.ts";
import { AudioError } from "../errors.ts";
import { joinBytes } from "../join_arrays.ts";
import type { Warning } from "../transcript.ts";
import type { ByteSource } from "./byte_source.ts";
import { damage } from "./damage.ts";
import { findMp3Frames, type Mp3Layout } from "./mp3_frames.ts";
import { loadDecoder } from "./npm_decoder.ts";
import type { PcmBlock } from "./pcm.ts";

/** Apache-2.0 around minimp3, which is CC0. */
const PACKAGE = "npm:minimp3-wasm@0.1.0";
const SECONDS_AT_ONCE = 0.25;
const BYTES_AT_ONCE = 1 << 20;
/** The file is in memory as blocks or as a whole, and in the decoder's memory. */
const COPIES = 2;
/** Encoders count a few frames of padding or not. */
const LEAST_MISSING_SECONDS = 0.15;

/** What minimp3-wasm exports; an instance is for one file. */
interface Minimp3 {
  memory: WebAssembly.Memory;
  decoder_init(): void;
  decoder_set_mp3_data_size(bytes: number): void;
  decoder_mp3_data_offset(): number;
  decoder_decode(seconds: number): void;
  decoder_pcm_data_offset(): number;
  decode_results_sampling_rate(): number;
  decode_results_num_channels(): number;
  /** All channels together. */
  decode_results_num_samples(): number;
}

async function instantiate(): Promise<Minimp3> {
  const bytes = await Deno.readFile(new URL(import.meta.resolve(`${PACKAGE}/dist/decoder.opt.wasm`)));
  const { instance } = await WebAssembly.instantiate(bytes);
  // What a WebAssembly module exports has no type that TypeScript could know.
  return { ...instance.exports } as Minimp3 & WebAssembly.Exports;
}

/** Tells of memory before it is taken. */
type Reserve = (bytes: number) => void;

async function bytesOf(source: ByteSource, reserve: Reserve): Promise<Uint8Array> {
  const blocks: Uint8Array[] = [];
  for await (const block of source) {
    reserve(COPIES * block.length);
    blocks.push(block);
  }
  return joinBytes(blocks);
}

/**
 * Gives the decoder its file: frames only, for it would search for ever behind the last one.
 *
 * @returns Where the frames were.
 */
async function fill(mp3: Minimp3, source: ByteSource, reserve: Reserve): Promise<Mp3Layout> {
  // This decoder wants the file as a whole; compressed bytes are few beside the samples.
  const bytes = await bytesOf(source, reserve);
  const layout = await findMp3Frames(bytes);
  const { runs } = layout;
  mp3.decoder_init();
  mp3.decoder_set_mp3_data_size(runs.reduce((sum, { start, end }) => sum + end - start, 0));
  let at = mp3.decoder_mp3_data_offset();
  const memory = new Uint8Array(mp3.memory.buffer);
  const breath = new Breath({ everyMs: 4 });
  for (const { start, end } of runs) {
    for (let from = start; from < end; from += BYTES_AT_ONCE) {
      const part = bytes.subarray(from, Math.min(end, from + BYTES_AT_ONCE));
      memory.set(part, at);
      at += part.length;
      await breath.pause();
    }
  }
  return layout;
}

/**
 * Reads an MP3 file.
 *
 * @param warnings Gets a sentence when there is something else between its frames, or its end is missing.
 * @param reserve Is told of the memory that the file itself takes, and when it takes it no more.
 * @throws {AudioError} When the decoder can't be had.
 */
export async function* decodeMp3Blocks(
  source: ByteSource,
  warnings: Warning[],
  reserve: Reserve,
): AsyncGenerator<PcmBlock> {
  const mp3 = await loadDecoder(PACKAGE, source.name, instantiate);
  let reserved = 0;
  try {
    const count = (bytes: number) => {
      reserve(bytes);
      reserved += bytes;
    };
    const layout = await fill(mp3, source, count);
    warnings.push(...damageOf(layout, source.name));
    if (layout.runs.length > 0) yield* decodeAll(mp3, source.name);
  } finally {
    reserve(-reserved);
  }
}

/** What is missing, by the bytes between the frames and by what the file says of itself. */
function damageOf({ runs, frameSeconds, announced = 0, isCutOff }: Mp3Layout, name: string): Warning[] {
  const warnings: Warning[] = [];
  const frames = runs.reduce((sum, run) => sum + run.frames, 0);
  const bytes = runs.reduce((sum, { start, end }) => sum + end - start, 0);
  const places: number[] = [];
  let seconds = 0, lost = 0;
  for (const run of runs) {
    if (run.junkBefore > 0) places.push(seconds);
    lost += run.junkBefore / (bytes / frames) * frameSeconds;
    seconds += run.frames * frameSeconds;
  }
  if (places.length > 0) {
    warnings.push(damage(
      `${name} is damaged: ${places.length} places between its MP3 frames were left out, about ${
        lost.toFixed(2)
      } s, the first at ${places[0]!.toFixed(2)} s.`,
      { startSeconds: places[0]!, endSeconds: places.at(-1)! },
    ));
  }
  const missing = announced * frameSeconds - seconds - lost;
  if (isCutOff || missing >= LEAST_MISSING_SECONDS) {
    const of = announced * frameSeconds > seconds
      ? `, ${(announced * frameSeconds).toFixed(3)} s were announced`
      : "";
    warnings.push(
      damage(`${name} is cut off after ${seconds.toFixed(3)} s${of}.`, { startSeconds: seconds }),
    );
  }
  return warnings;
}

function* decodeAll(mp3: Minimp3, name: string): Generator<PcmBlock> {
  for (let seconds = 0;;) {
    try {
      mp3.decoder_decode(SECONDS_AT_ONCE);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new AudioError(
        `Cannot read ${name}: the MP3 decoder broke at a damaged frame near ${
          seconds.toFixed(1)
        } s (${reason}).`,
        { cause },
      );
    }
    const count = mp3.decode_results_num_samples();
    if (count === 0) return;
    const channels = mp3.decode_results_num_channels(), sampleRate = mp3.decode_results_sampling_rate();
    const pcm = new Int16Array(mp3.memory.buffer, mp3.decoder_pcm_data_offset(), count);
    yield { channels, sampleRate, interleaved: Float32Array.from(pcm, (x) => x / 32768) };
    seconds += count / channels / sampleRate;
  }
}
