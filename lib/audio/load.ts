/**
 * Any recording, from anywhere, as 16 kHz mono samples.
 *
 * WAV files are read here, block by block. Everything else goes through ffmpeg's standard input and output (or
 * afconvert on macOS, or a WASM decoder), so that no more than a few blocks of the file are in memory.
 *
 * @module
 */
import { turn } from "../breathe.ts";
import {
  callback,
  checkOptions,
  from,
  notNegative,
  object,
  oneOf,
  positive,
  type Rule,
  type Rules,
  signal,
  text,
} from "../check_options.ts";
import { AudioError } from "../errors.ts";
import type { Warning } from "../transcript.ts";
import type { ByteSource } from "./byte_source.ts";
import { containerOf, needsSeeking, SNIFF_BYTES } from "./container.ts";
import { decodeAfconvertBlocks } from "./decode_afconvert.ts";
import { decodeFfmpegBlocks, type DecoderInput, listTracks, spawnFfmpeg } from "./decode_ffmpeg.ts";
import { decodeWavBlocks } from "./decode_wav.ts";
import type { Track } from "./ffmpeg_log.ts";
import { type AudioSource, openSource } from "./open_source.ts";
import { type PcmBlock, PcmSink, type TimeRange } from "./pcm.ts";
import { decodeRawBlocks, parseRawFormat, RAW_HINT } from "./raw.ts";
import type { Samples } from "./samples.ts";
import { spool } from "./spool.ts";
import { checkTrack, noSuchTrack, trackInLanguage } from "./tracks.ts";
import { decodeWasm } from "./wasm.ts";
import { WavEncodingError, WavOrderError, WavReader } from "./wav.ts";
import { findWavFormat } from "./wav_seek.ts";

export type { AudioSource } from "./open_source.ts";
export type { TimeRange } from "./pcm.ts";

/** What WAV files, and those of the decoders without ffmpeg, have. */
const ONLY_TRACK: Track = { number: 1, language: "", isDefault: true, stream: "" };

/** What a part of a recording must be. */
export const RANGE_RULE: Rule = object<TimeRange>({ startSeconds: from(0), endSeconds: notNegative });

/** What names an audio track; `checkTrack()` looks closer. */
export const TRACK_RULE: Rule = {
  must: "a number from 1, or a language",
  fits: (value) => typeof value === "number" || typeof value === "string",
};

/** What the options of reading must be. */
const LOAD_AUDIO_RULES: Rules<LoadAudioOptions> = {
  signal,
  range: RANGE_RULE,
  ffmpegPath: text,
  decoder: oneOf("auto", "ffmpeg", "afconvert", "wasm", "wav"),
  maxDurationSeconds: positive,
  reserve: callback,
  fetch: callback,
  track: TRACK_RULE,
  raw: text,
};

/** How {@link loadAudio} reads. */
export interface LoadAudioOptions {
  /** Ends the reading, and any decoder, with the signal's reason. */
  signal?: AbortSignal;
  /** The part of the recording to keep. @default {all of it} */
  range?: TimeRange;
  /** The program for all formats but WAV. @default {"ffmpeg"} */
  ffmpegPath?: string;
  /**
   * `auto` reads WAV itself and takes, for everything else, the first there is of ffmpeg, afconvert (macOS) and
   * the decoders that need no program (`wasm`: FLAC, MP3, Ogg Opus). The others insist on one way. @default {"auto"}
   */
  decoder?: "auto" | "ffmpeg" | "afconvert" | "wasm" | "wav";
  /**
   * Which of several audio tracks: its number from 1, or its language (code or English name).
   *
   * @default {the one that the file calls its default; a warning says that there are others}
   */
  track?: number | string;
  /**
   * What samples without a header are: `s16le:16000`, `f32le:48000:2` (samples, rate, channels), named as ffmpeg does.
   *
   * @default {the file says it itself}
   */
  raw?: string;
  /** Longer recordings are an error, noticed while they are decoded. @default {Infinity} */
  maxDurationSeconds?: number;
  /**
   * Is told how many bytes more of memory the recording is about to take (fewer: a negative number). What it throws
   * ends the reading. Several readers stay within one bound this way.
   */
  reserve?: (bytes: number) => void;
  /** Stands in for the global `fetch`. */
  fetch?: typeof fetch;
}

/** A recording, read. */
export interface LoadedAudio {
  /** What was read. */
  samples: Samples;
  /** Length in seconds. */
  durationSeconds: number;
  /** `wav`, `mp3`, `m4a`, ... as its bytes say; `samples` for a Float32Array, `raw` for bytes without a header. */
  container: string;
  /** Rate and channels before they were changed to 16 kHz mono. */
  sourceSampleRate: number;
  /** Channels of the recording before they were mixed. */
  sourceChannels: number;
  /** What a listener has to know, e.g. that the file is cut off. */
  warnings: Warning[];
}

/**
 * Refuses what is no recording.
 *
 * @throws {AudioError} For lists of recordings, and web pages.
 */
export function refuseContainer(name: string, container: string): void {
  if (container === "playlist") {
    throw new AudioError(`Cannot read ${name}: it is a playlist, expected the recording itself.`);
  }
  if (container === "web page") {
    throw new AudioError(`Cannot read ${name}: it is a web page, expected an audio file.`);
  }
}

/** What our own reader says to the beginning of a WAV file. */
function wavFault(start: Uint8Array): unknown {
  try {
    new WavReader().push(start);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Blocks of a WAV file by our own reader. */
async function decodeOwnWav(
  source: ByteSource,
  warnings: Warning[],
): Promise<AsyncGenerator<PcmBlock>> {
  const isUnordered = wavFault(await source.peek(SNIFF_BYTES)) instanceof WavOrderError;
  const format = isUnordered && source.path !== undefined
    ? await findWavFormat(source.path, source.name)
    : undefined;
  return decodeWavBlocks(source, { name: source.name, warnings, format });
}

function unknownFormat(name: string, install: string): AudioError {
  return new AudioError(
    `Cannot read ${name}: decoding files that are not WAV needs ffmpeg, which was not found: install it (${install}) ` +
      `or convert the recording to WAV (${RAW_HINT}).`,
    { code: "decoder-missing" },
  );
}

/** The track in the language that was asked for, if one was. */
async function trackNumber(
  input: DecoderInput,
  track: number | string | undefined,
  ffmpegPath: string,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const { path, source } = input;
  if (typeof track !== "string" || path === undefined) return typeof track === "number" ? track : undefined;
  const tracks = await listTracks({ ...input, path }, ffmpegPath, signal);
  return tracks && trackInLanguage(tracks, track, source.name);
}

/** Decoders that know one track only. */
function checkOnlyTrack(track: number | string | undefined, name: string): void {
  if (typeof track === "string") trackInLanguage([ONLY_TRACK], track, name);
  if (track !== undefined && track !== ONLY_TRACK.number) {
    throw noSuchTrack(Number(track), [ONLY_TRACK], name);
  }
}

function missingDecoder(name: string, container: string, options: LoadAudioOptions): AudioError {
  if (options.ffmpegPath !== undefined) {
    return new AudioError(`Cannot read ${name}: there is no ffmpeg at ${options.ffmpegPath}.`, {
      code: "decoder-missing",
    });
  }
  const format = container === "unknown" ? "files that are not WAV" : container;
  const install = Deno.build.os === "darwin" ? "brew install ffmpeg" : "apt install ffmpeg";
  if (container === "unknown") return unknownFormat(name, install);
  return new AudioError(
    `Cannot read ${name}: decoding ${format} needs ffmpeg, which was not found: install it (${install}) ` +
      "or convert the recording to WAV.",
    { code: "decoder-missing" },
  );
}

/** Blocks of a file that is not WAV, or not one that we read, from the first decoder there is. */
async function* decodeForeign(
  source: ByteSource,
  container: string,
  options: LoadAudioOptions,
  warnings: Warning[],
): AsyncGenerator<PcmBlock> {
  const { decoder = "auto", ffmpegPath = "ffmpeg", signal } = options;
  const track = checkTrack(options.track);
  const mustSeek = source.path === undefined &&
    (typeof track === "string" || needsSeeking(await source.peek(SNIFF_BYTES), container));
  await using file = mustSeek ? await spool(source) : undefined;
  const path = source.path ?? file?.path;
  if (decoder === "auto" || decoder === "ffmpeg") {
    const found = await trackNumber({ source, path, container }, track, ffmpegPath, signal);
    const input = { source, path, container, track: found };
    // Starting a program holds the thread for some 20 ms, and twenty requests may come at once.
    await turn();
    signal?.throwIfAborted();
    const child = spawnFfmpeg(input, ffmpegPath);
    if (child) return yield* decodeFfmpegBlocks(child, input, { warnings, signal });
  }
  checkOnlyTrack(track, source.name);
  const isMac = Deno.build.os === "darwin";
  if (decoder === "afconvert" || (decoder === "auto" && isMac && options.ffmpegPath === undefined)) {
    await using copy = path === undefined ? await spool(source) : undefined;
    return yield* decodeAfconvertBlocks(path ?? copy!.path, { name: source.name, warnings, signal });
  }
  if (decoder === "wasm" || (decoder === "auto" && options.ffmpegPath === undefined)) {
    const blocks = await decodeWasm(source, container, warnings, options.reserve);
    if (blocks) return yield* blocks;
  }
  throw missingDecoder(source.name, container, options);
}

/** The blocks of a file, decoded in whatever way suits it. */
export async function decodeBlocks(
  source: ByteSource,
  container: string,
  options: LoadAudioOptions,
  warnings: Warning[],
): Promise<AsyncGenerator<PcmBlock>> {
  const { decoder = "auto", raw } = options;
  if (raw !== undefined) return decodeRawBlocks(source, parseRawFormat(raw));
  const isOurs = decoder === "auto" && container === "wav" &&
    !(wavFault(await source.peek(SNIFF_BYTES)) instanceof WavEncodingError);
  if (decoder !== "wav" && !isOurs) return decodeForeign(source, container, options, warnings);
  checkOnlyTrack(checkTrack(options.track), source.name);
  return await decodeOwnWav(source, warnings);
}

/**
 * Reads a recording.
 *
 * Channels are averaged, then resampled to 16 kHz (spec 4.1); the samples keep their level until they are read
 * from {@link Samples}. The event loop gets its turns; memory holds the 16 kHz samples and a few blocks.
 *
 * A `string` is a path, "-" (standard input), or a URL. A `Float32Array` holds 16 kHz mono samples: it is not
 * copied and must stay unchanged. An MP4 or M4A whose index is behind its samples must lie in a file; as a
 * stream it goes through a temporary one.
 *
 * @throws {AudioError} When there is nothing to read, or no decoder for it, or it is longer than allowed.
 * @throws {OptionError} When an option is impossible.
 *
 * @example
 * ```ts
 * import { loadAudio } from "./load.ts";
 * import { encodeWav } from "./wav.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const wav = encodeWav(new Float32Array(88200), { sampleRate: 44100, channels: 2 });
 * const { samples, durationSeconds, container, sourceChannels } = await loadAudio(wav);
 * assertEquals([samples.length, durationSeconds, container, sourceChannels], [16000, 1, "wav", 2]);
 * ```
 */
export async function loadAudio(source: AudioSource, options: LoadAudioOptions = {}): Promise<LoadedAudio> {
  return await readAudio(source, options);
}

/** Is told of samples that are being read whenever there are more of them. */
export type Watcher = (samples: Samples) => void;

/** {@linkcode loadAudio} for one who wants to begin before all is read. */
export async function readAudio(
  source: AudioSource,
  options: LoadAudioOptions,
  watch: Watcher = () => {},
): Promise<LoadedAudio> {
  checkOptions(options, LOAD_AUDIO_RULES);
  const { signal, range, maxDurationSeconds } = options;
  checkTrack(options.track);
  if (options.raw !== undefined) parseRawFormat(options.raw);
  signal?.throwIfAborted();
  if (source instanceof Float32Array) {
    checkOnlyTrack(checkTrack(options.track), "the audio");
    using sink = new PcmSink({ name: "the audio", range, maxDurationSeconds, signal });
    await sink.wrap(source);
    return await loaded(sink, "samples", []);
  }
  const bytes = await openSource(source, { signal, fetch: options.fetch });
  try {
    using sink = new PcmSink({
      name: bytes.name,
      range,
      maxDurationSeconds,
      signal,
      reserve: options.reserve,
    });
    try {
      return await fill(sink, bytes, options, watch);
    } catch (error) {
      sink.samples.discard();
      throw error;
    }
  } finally {
    bytes.cancel();
  }
}

/** Reads all of a source into a sink, as far as its range goes. */
async function fill(
  sink: PcmSink,
  bytes: ByteSource,
  options: LoadAudioOptions,
  watch: Watcher,
): Promise<LoadedAudio> {
  const start = await bytes.peek(SNIFF_BYTES);
  if (start.length === 0) throw new AudioError(`Cannot read ${bytes.name}: it is empty.`);
  const container = options.raw === undefined ? containerOf(start) : "raw";
  refuseContainer(bytes.name, container);
  const warnings: Warning[] = [];
  for await (const block of await decodeBlocks(bytes, container, options, warnings)) {
    await sink.push(block);
    watch(sink.samples);
    if (sink.full) break;
  }
  return await loaded(sink, container, warnings);
}

async function loaded(sink: PcmSink, container: string, warnings: readonly Warning[]): Promise<LoadedAudio> {
  await sink.finish();
  const { samples, format } = sink;
  return {
    samples,
    durationSeconds: samples.durationSeconds,
    container,
    sourceSampleRate: format.sampleRate,
    sourceChannels: format.channels,
    warnings: [...warnings, ...sink.warnings],
  };
}
