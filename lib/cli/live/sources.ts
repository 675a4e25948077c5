/**
 * Where live sound comes from: a microphone, a pipe, a recording.
 *
 * @module
 */
import { sleep } from "../../abortable.ts";
import { CAPTURE_RATE } from "../../audio/capture_devices.ts";
import { Microphone } from "../../audio/microphone.ts";
import { streamAudio } from "../../audio/stream.ts";
import type { Warning } from "../../transcript.ts";

/** Sound that comes block by block. */
export interface LiveSource extends AsyncDisposable {
  /** What people call it. */
  name: string;
  /** How many seconds may wait to be heard before more is read. */
  aheadSeconds: number;
  /** Samples, 16 kHz mono. One reader. */
  blocks(): AsyncIterable<Float32Array | Int16Array>;
  /** Asks for the end: what is here already still comes. */
  stop(): void;
  /** What a listener has to know, complete at the end. */
  warnings: readonly Warning[];
  /** Is told what a listener has to know at once. */
  onWarning: (message: string) => void;
}

/** A system that allows no microphone may give zeros instead of an error; real rooms are never that quiet. */
const DEAD_SECONDS = 3;
const DEAD = "The microphone gives nothing but zeros: it is muted, or the system allows this terminal none " +
  "(macOS: System Settings > Privacy & Security > Microphone)";

/** Says so when a microphone gives nothing but zeros. */
async function* watched(
  blocks: AsyncIterable<Int16Array>,
  onDead: () => void,
): AsyncGenerator<Int16Array> {
  let zeros = 0;
  for await (const block of blocks) {
    if (zeros < DEAD_SECONDS * CAPTURE_RATE) {
      zeros = block.every((sample) => sample === 0) ? zeros + block.length : Infinity;
      if (zeros >= DEAD_SECONDS * CAPTURE_RATE && zeros < Infinity) onDead();
    }
    yield block;
  }
}

/** A microphone does not wait. */
export async function openMicrophone(
  options: { device: string | undefined; signal: AbortSignal },
): Promise<LiveSource> {
  const microphone = await Microphone.open(options);
  const source: LiveSource = {
    name: microphone.name,
    aheadSeconds: Infinity,
    onWarning: () => {},
    blocks: () => watched(microphone, () => source.onWarning(DEAD)),
    stop: () => microphone.stop(),
    warnings: [],
    [Symbol.asyncDispose]: () => microphone[Symbol.asyncDispose](),
  };
  return source;
}

/** A file waits on its disk. */
const FILE_AHEAD_SECONDS = 30;
/** Who writes into a pipe may hold a microphone of its own, which does not wait: an hour is 230 MB. */
const PIPE_AHEAD_SECONDS = 3600;
/** Pieces of a recording at its own speed. */
const PIECE_SECONDS = 0.1;

/** Blocks no faster than they play. */
async function* paced(
  blocks: AsyncIterable<Float32Array>,
  signal: AbortSignal,
): AsyncGenerator<Float32Array> {
  const piece = PIECE_SECONDS * CAPTURE_RATE;
  const start = performance.now();
  let samples = 0;
  for await (const block of blocks) {
    for (let at = 0; at < block.length; at += piece) {
      const part = block.subarray(at, at + piece);
      samples += part.length;
      // Sound is there when it has been said, not before.
      await sleep(Math.max(0, samples / CAPTURE_RATE - (performance.now() - start) / 1000), signal);
      yield part;
    }
  }
}

/** @param source A path, an address, or "-". */
export function openRecording(
  source: string,
  options: { name: string; isRealtime: boolean; raw: string | undefined },
): LiveSource {
  const end = new AbortController();
  const warnings: Warning[] = [];
  return {
    name: options.name,
    aheadSeconds: source === "-" ? PIPE_AHEAD_SECONDS : FILE_AHEAD_SECONDS,
    warnings,
    onWarning: () => {},
    async *blocks() {
      const { signal } = end;
      const blocks = streamAudio(source, { signal, raw: options.raw, warnings });
      try {
        yield* options.isRealtime ? paced(blocks, signal) : blocks;
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
    stop: () => end.abort(),
    [Symbol.asyncDispose]() {
      end.abort();
      return Promise.resolve();
    },
  };
}
