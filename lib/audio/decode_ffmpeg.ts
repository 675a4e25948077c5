/**
 * Every other format, through ffmpeg: it unpacks, decodes and fills gaps, nothing else; rate and channels are changed by
 * the same code as for WAV files, so that a format makes no difference of its own.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { Warning } from "../transcript.ts";
import { ByteSource } from "./byte_source.ts";
import { clockArguments, MAX_GAP_SECONDS } from "./clock_filter.ts";
import { damage } from "./damage.ts";
import { decodeWavBlocks } from "./decode_wav.ts";
import { demuxerArguments, NOT_LISTED } from "./demuxers.ts";
import { FfmpegLog, type Track } from "./ffmpeg_log.ts";
import type { PcmBlock } from "./pcm.ts";
import { RAW_HINT } from "./raw.ts";
import { chosenTrack, noSuchTrack } from "./tracks.ts";

/** Below every sample of a track in which there is nothing: -80 dB of full scale, the noise of a lossy codec. */
const SILENT = 1e-4;

/** What ffmpeg reads: a file, where there is a path, else a stream through its standard input. */
export interface DecoderInput {
  source: ByteSource;
  path: string | undefined;
  /** What the bytes are, see containerOf(). */
  container: string;
  /** Which of the audio tracks, from 1. @default {the one that the file calls its default, else ffmpeg's choice} */
  track?: number | undefined;
}

/** With its protocol, so that a path may begin or look like anything. */
function inputName(input: DecoderInput): string {
  return input.path === undefined ? "pipe:0" : `file:${input.path}`;
}

function inputArguments(input: DecoderInput): string[] {
  // Nothing but this input is opened: the demuxers know no references, and no other protocol is there.
  const protocol = input.path === undefined
    ? ["-protocol_whitelist", "pipe"]
    : ["-nostdin", "-protocol_whitelist", "file"];
  const log = ["-hide_banner", "-nostats", "-loglevel", "level+info"];
  return [...log, ...protocol, ...demuxerArguments(input.container), "-i", inputName(input)];
}

function argumentsFor(input: DecoderInput): string[] {
  const what = input.track === undefined ? ["-vn", "-sn", "-dn"] : ["-map", `0:a:${input.track - 1}`];
  const to = ["-map_metadata", "-1", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"];
  return [...inputArguments(input), ...what, ...clockArguments(input.container), ...to];
}

function logOf(input: DecoderInput, stderr: ReadableStream<Uint8Array>): Promise<FfmpegLog> {
  return new FfmpegLog({ isPipe: input.path === undefined, inputName: inputName(input) }).read(stderr);
}

function notStarted(cause: unknown, input: DecoderInput, ffmpegPath: string): AudioError {
  const reason = cause instanceof Deno.errors.NotCapable
    ? `this program may not run ${ffmpegPath} (run it with --allow-run=${ffmpegPath})`
    : `${ffmpegPath} does not start (${cause instanceof Error ? cause.message : cause})`;
  return new AudioError(`Cannot read ${input.source.name}: ${reason}.`, { cause });
}

/**
 * Lists the audio tracks of a file.
 *
 * @returns `undefined` when there is no such program.
 * @throws {AudioError} When it may not be run.
 */
export async function listTracks(
  input: DecoderInput & { path: string },
  ffmpegPath: string,
  signal?: AbortSignal,
): Promise<Track[] | undefined> {
  const command = new Deno.Command(ffmpegPath, {
    args: inputArguments(input),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    ...(signal ? { signal } : {}),
  });
  try {
    const child = command.spawn();
    const { tracks } = await logOf(input, child.stderr);
    await child.status;
    return tracks;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw notStarted(cause, input, ffmpegPath);
  }
}

/**
 * Starts ffmpeg.
 *
 * @returns `undefined` when there is no such program.
 * @throws {AudioError} When it may not be run.
 */
export function spawnFfmpeg(input: DecoderInput, ffmpegPath: string): Deno.ChildProcess | undefined {
  try {
    const stdin = input.path === undefined ? "piped" : "null";
    return new Deno.Command(ffmpegPath, {
      args: argumentsFor(input),
      stdin,
      stdout: "piped",
      stderr: "piped",
    })
      .spawn();
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw notStarted(cause, input, ffmpegPath);
  }
}

/** Writes the source into the child, no faster than it reads. Gives the error of the source, if it had one. */
async function feed(source: ByteSource, stdin: WritableStream<Uint8Array>): Promise<unknown> {
  const writer = stdin.getWriter();
  // A child that ends early has its reasons; its exit status and its own words say which.
  writer.closed.catch(() => {});
  let childIsGone = false;
  try {
    for (let block; !childIsGone && (block = await source.read());) {
      await writer.write(block).catch(() => childIsGone = true);
    }
  } catch (error) {
    await writer.abort().catch(() => {});
    return error;
  }
  await writer.close().catch(() => {});
  return undefined;
}

function failure(input: DecoderInput, { complaints, tracks }: FfmpegLog, code: number): AudioError {
  const { name } = input.source;
  const isUnknown = input.container === "unknown";
  if (complaints.some(({ words }) => /matches no streams|does not contain any stream/.test(words))) {
    return input.track !== undefined && tracks.length > 0
      ? noSuchTrack(input.track, tracks, name)
      : new AudioError(`Cannot read ${name}: there is no audio in it.`);
  }
  if (complaints.some(({ words }) => words.includes(NOT_LISTED))) {
    return new AudioError(
      `Cannot read ${name}: it is a list, a picture or a rare format, expected a recording in one file of its own ` +
        `(convert it to WAV, FLAC or MP3${isUnknown ? `; ${RAW_HINT}` : ""}).`,
    );
  }
  const words = complaints.at(-1)?.words.replace(/\.$/, "") ?? `nothing, but ended with code ${code}`;
  const hint = isUnknown ? ` (${RAW_HINT})` : "";
  return new AudioError(
    `Cannot read ${name}: ffmpeg says ${complaints.length ? `"${words}"` : words}${hint}.`,
  );
}

/** What a listener has to know of a file that was read. */
function warningsOf(input: DecoderInput, log: FfmpegLog, code: number, isSilent: boolean): Warning[] {
  const { name } = input.source;
  const { complaints, tracks, heard, leftOut } = log;
  const warnings = input.track === undefined ? chosenTrack(tracks, heard, { name, isSilent }) : [];
  for (const seconds of leftOut) {
    warnings.push(damage(
      `The clock of ${name} jumps by ${seconds.toFixed(1)} s at one place: this is no silence of at most ` +
        `${MAX_GAP_SECONDS} s and was left out, times behind it differ from the file's.`,
    ));
  }
  if (complaints.length > 0 || code !== 0) {
    const { words, seconds } = complaints[0] ?? { words: `code ${code}`, seconds: undefined };
    const where = seconds === undefined ? "" : ` at about ${seconds.toFixed(1)} s`;
    warnings.push(damage(
      `${name} is damaged${where}: ffmpeg says "${words}" (${complaints.length} lines in all); ` +
        "what it could decode was read.",
      seconds === undefined ? {} : { startSeconds: seconds },
    ));
  }
  return warnings;
}

/**
 * Reads what ffmpeg makes of a file. However this ends, the child process has ended too.
 *
 * @param options.warnings Gets a sentence when ffmpeg complained about parts of the file, or chose among tracks.
 * @throws {AudioError} With ffmpeg's own words, when it can't read the file.
 */
export async function* decodeFfmpegBlocks(
  child: Deno.ChildProcess,
  input: DecoderInput,
  options: { warnings: Warning[]; signal?: AbortSignal | undefined },
): AsyncGenerator<PcmBlock> {
  const { warnings, signal } = options;
  const feeding = input.path === undefined ? feed(input.source, child.stdin) : Promise.resolve(undefined);
  const logging = logOf(input, child.stderr);
  const output = new ByteSource(child.stdout, { name: "ffmpeg's output", signal });
  // At once, though nobody may be asking for blocks just now, and by the signal that cannot be put off.
  const onAbort = () => endNow(child, output, input.source);
  signal?.addEventListener("abort", onAbort, { once: true });
  let frames = 0;
  let isSilent = true;
  let unread: AudioError | undefined;
  let finished = false;
  try {
    signal?.throwIfAborted();
    for await (const block of decodeWavBlocks(output, { name: "ffmpeg's output", warnings: [] })) {
      frames += block.interleaved.length;
      isSilent &&= block.interleaved.every((sample) => Math.abs(sample) < SILENT);
      yield block;
    }
    finished = true;
  } catch (error) {
    if (signal?.aborted || !(error instanceof AudioError)) throw error;
    unread = error;
    finished = true;
    // A child that still writes must not wait for a reader.
    output.cancel();
  } finally {
    if (!finished) endNow(child, output, input.source);
    await child.status;
    signal?.removeEventListener("abort", onAbort);
  }
  signal?.throwIfAborted();
  const sourceError = await feeding;
  if (sourceError) throw sourceError;
  const { code, signal: killedBy } = await child.status;
  const log = await logging;
  if (frames === 0 || unread || killedBy) throw failure(input, log, code);
  warnings.push(...warningsOf(input, log, code, isSilent));
}

function endNow(child: Deno.ChildProcess, output: ByteSource, source: ByteSource): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
  source.cancel();
  output.cancel();
}
