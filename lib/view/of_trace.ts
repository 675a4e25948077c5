/**
 * From a trace to what the view shows.
 *
 * @module
 */
import type { ChunkTrace, ClipTrace, Trace } from "../recognize/inspection/trace.ts";
import { peaksOf, type ViewData, type ViewGrid, type ViewToken } from "./view_data.ts";
import { wholeMel } from "./whole_mel.ts";

const LEVELS_PER_SECOND = 100;
const FULL_SCALE = 255;
/** Bands are joined by two: more cannot be told apart in the height they have. */
const BANDS_EACH = 2;
/** Most columns of the mel: two minutes frame by frame; longer ones are joined. */
const MOST_COLUMNS = 12_000;
/** Characters in which a piece may be missing from what the decoder wrote. */
const SEARCH_AHEAD = 200;

/** Numbers as bytes between their least and largest; 0 for what is none. */
function asBytes(values: Float32Array): Uint8Array {
  let least = Infinity, most = -Infinity;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const scale = most > least ? FULL_SCALE / (most - least) : 0;
  return Uint8Array.from(values, (value) => Number.isNaN(value) ? 0 : Math.round((value - least) * scale));
}

function gridOf(trace: Trace): ViewGrid | undefined {
  const mel = wholeMel(trace);
  const each = Math.ceil(mel.columns / MOST_COLUMNS);
  const [rows, columns] = [Math.floor(mel.rows / BANDS_EACH), Math.floor(mel.columns / each)];
  if (rows * columns === 0) return undefined;
  const means = new Float32Array(rows * columns);
  for (let row = 0; row < rows * BANDS_EACH; row++) {
    for (let column = 0; column < columns * each; column++) {
      const at = Math.floor(row / BANDS_EACH) * columns + Math.floor(column / each);
      means[at]! += mel.values[row * mel.columns + column]! / (BANDS_EACH * each);
    }
  }
  return { rows, columns, bytes: asBytes(means).toBase64() };
}

/** The passes over a chunk whose text was taken. */
function takenPasses({ result, passes }: ChunkTrace): ClipTrace[] {
  const whole = passes.find(({ text }) => text === result.text);
  return whole ? [whole] : passes.filter(({ text }) => text !== "" && result.text.includes(text));
}

/** What the strongest head gave each audio token while a token was chosen, mean over the layers. */
function lookOf({ attention, audioTokens }: ClipTrace, step: number): string | undefined {
  if (attention.length === 0) return undefined;
  const weights = new Float32Array(audioTokens);
  for (const { audio: { values, shape } } of attention) {
    const heads = shape[1] ?? 0;
    for (let at = 0; at < audioTokens; at++) {
      let most = 0;
      for (let head = 0; head < heads; head++) {
        most = Math.max(most, values[(step * heads + head) * audioTokens + at] ?? 0);
      }
      weights[at]! += most;
    }
  }
  return asBytes(weights).toBase64();
}

/** Every token of the text with the piece that it writes. */
function tokensOf({ chunks, transcript }: Trace): ViewToken[] {
  const { segments } = transcript;
  const words = segments.flatMap(({ words = [] }) => words);
  const pieces = words.length > 0 ? words : segments;
  const written = chunks.flatMap(takenPasses).flatMap((pass) =>
    pass.steps.flatMap((step, index) => step.kind === "text" ? [{ pass, step, index }] : [])
  );
  const text = written.map(({ step }) => step.written).join("");
  let cursor = 0;
  const ends = pieces.map((piece) => {
    const at = text.indexOf(piece.text, cursor);
    if (at >= 0 && at <= cursor + SEARCH_AHEAD) cursor = at + piece.text.length;
    return cursor;
  });
  let length = 0, piece = 0;
  return written.map(({ pass, step, index }) => {
    length += step.written.length;
    while (piece < ends.length - 1 && ends[piece]! < length) piece++;
    const attention = lookOf(pass, index);
    return {
      text: step.text,
      probability: step.probability,
      entropy: step.entropy,
      piece,
      top: step.top.map(({ text, probability }) => [text, probability]),
      startSeconds: pass.startSeconds,
      ...(attention === undefined ? {} : { attention }),
    };
  });
}

/** What the view shows of a trace. */
export function viewOfTrace(trace: Trace, title: string): ViewData {
  const { samples, transcript } = trace;
  const mel = gridOf(trace);
  return {
    title,
    transcript,
    peaks: peaksOf(samples.values, Math.ceil(transcript.durationSeconds * LEVELS_PER_SECOND)),
    ...(mel ? { mel } : {}),
    tokens: tokensOf(trace),
  };
}
