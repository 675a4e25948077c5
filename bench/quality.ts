/**
 * How well recordings with a known truth are heard.
 *
 *   deno task quality DIR [--model demo] [--chunk-seconds 30] [--joined] [--json FILE]
 *
 * Every WAV file of the folder is transcribed. Where a TSV of the same name lies beside it (start, end, text; seconds),
 * the result is held against it; what needs no truth is told of all. `--joined` makes one recording of them all first.
 *
 *   found     part of the spoken time that lies in segments
 *   falsely   part of the other time that lies in segments
 *   errors    word error rate; `invented` words have no counterpart in the truth
 *   again     part of the chunks that were decoded again
 *   starts, ends   of sentences that were heard word for word: median and 90th percentile of how far their segments'
 *             times are off
 *   cuts      cuts between chunks inside speech: voice activity above 0.5 for 100 ms around
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { Samples } from "../lib/audio/samples.ts";
import { comparableWords } from "../lib/text/edit_distance.ts";
import { FRAME_SECONDS } from "../lib/vad/frames.ts";
import { speechProbabilities } from "../lib/vad/probabilities.ts";
import { type ChunkResult, loadAudio, type LoadedAudio, Qwen3ASR, type Transcript } from "../mod.ts";
import { loadVad } from "../tests/support/vad_network.ts";

/** A stretch of a recording, in seconds. */
interface Interval {
  startSeconds: number;
  endSeconds: number;
}

/** Something said, and when. */
export interface Spoken extends Interval {
  text: string;
}

/** What was counted of a recording, or of several. */
export interface Quality {
  seconds: number;
  /** With a truth only. */
  truth?: {
    spokenSeconds: number;
    foundSeconds: number;
    otherSeconds: number;
    falseSeconds: number;
    words: number;
    wordErrors: number;
    invented: number;
    /** Seconds by which starts and ends of sentences are off. */
    startErrors: number[];
    endErrors: number[];
  };
  chunks: number;
  chunksAgain: number;
  cuts: number;
  cutsInSpeech: number;
  decodeSeconds: number;
  verdicts: string[];
}

/** Lines of `start`, `end`, `text` after a line of names, between tabs. */
export function parseTruth(tsv: string): Spoken[] {
  return tsv.trim().split(/\r?\n/).slice(1).map((line, index) => {
    const [start, end, text] = line.split("\t");
    const spoken = { startSeconds: Number(start), endSeconds: Number(end), text: text ?? "" };
    if (!(spoken.endSeconds > spoken.startSeconds)) {
      throw new SyntaxError(`Cannot read line ${index + 2} of the truth, expected start, end, text: ${line}`);
    }
    return spoken;
  });
}

/** Seconds of `a` that lie in `b`; the intervals of each are in order. */
function overlapSeconds(a: readonly Interval[], b: readonly Interval[]): number {
  let sum = 0;
  for (const one of a) {
    let reached = one.startSeconds; // Intervals of `b` may overlap each other.
    for (const other of b) {
      const end = Math.min(one.endSeconds, other.endSeconds);
      sum += Math.max(0, end - Math.max(reached, other.startSeconds));
      reached = Math.max(reached, end);
    }
  }
  return sum;
}

/** Substituted, missing and invented words, the fewest there can be; of ways to count, the one with least invented. */
export function wordErrors(truth: string, text: string): { words: number; errors: number; invented: number } {
  const [from, to] = [comparableWords(truth), comparableWords(text)];
  const ERROR = 2 ** 24; // An error in the high bits, an invented word in the low ones.
  let row = Float64Array.from({ length: to.length + 1 }, (_, column) => column * (ERROR + 1));
  for (const word of from) {
    const next = new Float64Array(row.length);
    next[0] = row[0]! + ERROR;
    for (let column = 1; column < row.length; column++) {
      const matched = row[column - 1]! + (word === to[column - 1] ? 0 : ERROR);
      next[column] = Math.min(matched, row[column]! + ERROR, next[column - 1]! + ERROR + 1);
    }
    row = next;
  }
  const last = row.at(-1)!;
  return { words: from.length, errors: Math.floor(last / ERROR), invented: last % ERROR };
}

/** Segments of sentences that were heard as they were said, each with its sentence, in order. */
function heardSentences(
  spoken: readonly Spoken[],
  segments: readonly Spoken[],
): { sentence: Spoken; segment: Spoken }[] {
  const words = (text: string) => comparableWords(text).join(" ");
  let from = 0;
  return spoken.flatMap((sentence) => {
    const at = segments.findIndex(({ text }, index) => index >= from && words(text) === words(sentence.text));
    if (at < 0) return [];
    from = at + 1;
    return [{ sentence, segment: segments[at]! }];
  });
}

/** The value that `part` of the values do not exceed. */
function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? NaN;
}

const CUT_REACH_SECONDS = 0.05;
const SURE = 0.5;

/** Whether the network hears speech in all of the 100 ms around a place. */
export function liesInSpeech(seconds: number, probabilities: Float32Array): boolean {
  const first = Math.floor((seconds - CUT_REACH_SECONDS) / FRAME_SECONDS);
  const last = Math.ceil((seconds + CUT_REACH_SECONDS) / FRAME_SECONDS);
  return probabilities.subarray(Math.max(0, first), last).every((probability) => probability > SURE);
}

/** Chunks that end so were set aside, not decoded. */
const UNDECODED = ["silence", "no-speech", "cancelled"];

function cutsOf(chunks: readonly ChunkResult[]): number[] {
  return chunks.slice(1).map(({ startSeconds }) => startSeconds);
}

/** Holds a transcript against what is known of its recording. */
export function judge(
  transcript: Transcript,
  probabilities: Float32Array,
  spoken: readonly Spoken[] | undefined,
): Quality {
  const { durationSeconds: seconds, chunks, segments, text, stats, coverage } = transcript;
  const cuts = cutsOf(chunks);
  const decoded = chunks.filter(({ finishReason }) => !UNDECODED.includes(finishReason));
  const quality: Quality = {
    seconds,
    chunks: decoded.length,
    chunksAgain: decoded.filter(({ rescues }) => rescues.length > 0).length,
    cuts: cuts.length,
    cutsInSpeech: cuts.filter((cut) => liesInSpeech(cut, probabilities)).length,
    decodeSeconds: stats.totalMs / 1000,
    verdicts: [coverage.verdict],
  };
  if (!spoken) return quality;
  const whole = [{ startSeconds: 0, endSeconds: seconds }];
  const spokenSeconds = overlapSeconds(whole, spoken);
  const foundSeconds = overlapSeconds(spoken, segments);
  const heard = heardSentences(spoken, segments);
  const { words, errors, invented } = wordErrors(spoken.map(({ text }) => text).join(" "), text);
  quality.truth = {
    spokenSeconds,
    foundSeconds,
    otherSeconds: seconds - spokenSeconds,
    falseSeconds: overlapSeconds(whole, segments) - foundSeconds,
    words,
    wordErrors: errors,
    invented,
    startErrors: heard.map(({ sentence, segment }) => Math.abs(sentence.startSeconds - segment.startSeconds)),
    endErrors: heard.map(({ sentence, segment }) => Math.abs(sentence.endSeconds - segment.endSeconds)),
  };
  return quality;
}

/** Adds up several recordings. */
export function total(all: readonly Quality[]): Quality {
  const sum = (of: (quality: Quality) => number) => all.reduce((soFar, one) => soFar + of(one), 0);
  const known = all.flatMap(({ truth }) => truth ?? []);
  const known_ = (of: (truth: NonNullable<Quality["truth"]>) => number) =>
    known.reduce((soFar, one) => soFar + of(one), 0);
  return {
    seconds: sum((one) => one.seconds),
    ...(known.length === 0 ? {} : {
      truth: {
        spokenSeconds: known_((one) => one.spokenSeconds),
        foundSeconds: known_((one) => one.foundSeconds),
        otherSeconds: known_((one) => one.otherSeconds),
        falseSeconds: known_((one) => one.falseSeconds),
        words: known_((one) => one.words),
        wordErrors: known_((one) => one.wordErrors),
        invented: known_((one) => one.invented),
        startErrors: known.flatMap((one) => one.startErrors),
        endErrors: known.flatMap((one) => one.endErrors),
      },
    }),
    chunks: sum((one) => one.chunks),
    chunksAgain: sum((one) => one.chunksAgain),
    cuts: sum((one) => one.cuts),
    cutsInSpeech: sum((one) => one.cutsInSpeech),
    decodeSeconds: sum((one) => one.decodeSeconds),
    verdicts: all.flatMap(({ verdicts }) => verdicts),
  };
}

const COLUMNS = [
  ...["recording", "seconds", "found", "falsely", "words", "errors", "invented", "starts", "ends"],
  ...["again", "real-time factor", "cuts in speech", "verdict"],
];

function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${(100 * part / whole).toFixed(1)} %`;
}

function offBy(errors: readonly number[]): string {
  return errors.length === 0
    ? "-"
    : `${quantile(errors, 0.5).toFixed(2)}, ${quantile(errors, 0.9).toFixed(2)} s`;
}

function rowOf(name: string, quality: Quality): string[] {
  const { seconds, truth, chunks, chunksAgain, cuts, cutsInSpeech, decodeSeconds, verdicts } = quality;
  const kinds = [...new Set(verdicts)].map((verdict) => {
    const count = verdicts.filter((one) => one === verdict).length;
    return verdicts.length > 1 ? `${count} ${verdict}` : verdict;
  });
  return [
    ...[name, seconds.toFixed(0)],
    truth ? percent(truth.foundSeconds, truth.spokenSeconds) : "-",
    truth ? percent(truth.falseSeconds, truth.otherSeconds) : "-",
    truth ? `${truth.words}` : "-",
    truth ? percent(truth.wordErrors, truth.words) : "-",
    truth ? `${truth.invented}` : "-",
    truth ? offBy(truth.startErrors) : "-",
    truth ? offBy(truth.endErrors) : "-",
    ...[percent(chunksAgain, chunks), (decodeSeconds / seconds).toFixed(3)],
    ...[`${cutsInSpeech} of ${cuts}`, kinds.join(", ")],
  ];
}

/** A table for a document, the sum last. */
export function qualityTable(rows: readonly (readonly [name: string, quality: Quality])[]): string {
  const all = total(rows.map(([, quality]) => quality));
  const cells = [...rows, ["all", all] as const].map(([name, quality]) => rowOf(name, quality));
  const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
  return [line(COLUMNS), line(COLUMNS.map(() => "---")), ...cells.map(line)].join("\n");
}

/** Recordings of a folder: one after the other, or as one. */
async function* recordings(
  folder: string,
  joined: boolean,
): AsyncGenerator<{ name: string; audio: LoadedAudio; spoken?: Spoken[] }> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name)
    .filter((name) => /\.wav$/i.test(name)).sort();
  if (names.length === 0) throw new Error(`Cannot judge ${folder}: it has no WAV file.`);
  const all = new Samples();
  for (const file of names) {
    const path = join(folder, file), name = file.replace(/\.wav$/i, "");
    const audio = await loadAudio(path);
    const tsv = await Deno.readTextFile(join(folder, `${name}.tsv`)).catch(() => undefined);
    if (!joined) yield { name, audio, ...(tsv ? { spoken: parseTruth(tsv) } : {}) };
    else {
      all.push(audio.samples.slice());
      if (file !== names.at(-1)) continue;
      yield {
        name: `${names.length} joined`,
        audio: { ...audio, samples: all, durationSeconds: all.durationSeconds },
      };
    }
  }
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["model", "chunk-seconds", "json"], boolean: ["joined"] });
  const [folder] = args._;
  if (folder === undefined) {
    console.error(
      "Usage: deno task quality DIR [--model demo] [--chunk-seconds 30] [--joined] [--json FILE]",
    );
    Deno.exit(2);
  }
  await using asr = await Qwen3ASR.load(args.model ?? "demo");
  using network = await loadVad();
  const rows: [string, Quality][] = [];
  const texts: Record<string, string> = {};
  for await (const { name, audio, spoken } of recordings(`${folder}`, args.joined)) {
    const options = args["chunk-seconds"] ? { chunkSeconds: Number(args["chunk-seconds"]) } : {};
    const transcript = await asr.transcribe(audio, options);
    rows.push([name, judge(transcript, await speechProbabilities(network, audio.samples), spoken)]);
    texts[name] = transcript.text;
  }
  console.log(qualityTable(rows));
  if (args.json) {
    await Deno.writeTextFile(args.json, JSON.stringify({ rows: Object.fromEntries(rows), texts }, null, 2));
  }
}
