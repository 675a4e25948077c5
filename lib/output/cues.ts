/**
 * Subtitle cues from segments. The rules, hardest first:
 *
 * 1. every character of the text appears once, in order (white space becomes single spaces or line breaks);
 * 2. cues follow each other and never overlap; no line is wider and no cue has more lines than asked for;
 * 3. a cue stays inside the times of the segments it shows. Only a segment shorter than `minSeconds` borrows from
 *    the silence around it;
 * 4. no cue lasts longer than `maxSeconds`, nor, where the speech is not too fast for it, less than `minSeconds`;
 * 5. cues end with a sentence, else a clause, else a word, can be read in their time, and are evenly filled.
 *
 * Segments shorter than `minSeconds` may share a cue with a neighbour that follows within half a second.
 *
 * @module
 */
import type { Segment } from "../transcript.ts";
import { OptionError } from "../errors.ts";
import { layOut, textOfLine, widthOf } from "./cue_lines.ts";
import { type CueLimits, type CueOptions, limitsOf } from "./options.ts";
import { needsSpace } from "./line_break.ts";
import { partition } from "./partition.ts";
import { timeAtoms, type TimedAtom } from "./timed_atoms.ts";

/** A piece of a line: a word, or as much of one as is never broken. */
export type CuePiece = Pick<TimedAtom, "text" | "spaceAfter" | "startSeconds" | "endSeconds" | "fromWord">;

/** What is shown at once. */
export interface Cue {
  /** Seconds from the start of the recording, whole milliseconds. */
  startSeconds: number;
  endSeconds: number;
  lines: string[];
  /** The lines again, piece by piece, for formats that show which word is being said. */
  pieces: CuePiece[][];
  /**
   * `aligned`: from words of an aligner; `chunk`: the limits of the chunk; `estimated`: spread by text length,
   * by whoever made the segment or here.
   */
  timing: Segment["timing"];
}

/** Shortest cue ever written, so that one second of nonsense still makes a file that readers accept. */
const SHORTEST_SECONDS = 0.01;

/**
 * Turns segments into subtitle cues.
 *
 * @param segments In order of time. Overlaps are taken from the start of the later segment.
 * @throws {OptionError} When an option is not usable or a segment has a time that is not a number.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const text = "Today we look at how a recording of speech becomes text, one step after the other, until it is done.";
 * const cues = makeCues([{ startSeconds: 1, endSeconds: 7, text, language: "English", timing: "chunk" }]);
 * assertEquals(cues.map(({ lines }) => lines), [
 *   ["Today we look at how a recording", "of speech becomes text,"],
 *   ["one step after the other,", "until it is done."],
 * ]);
 * assertEquals(cues[0]?.timing, "estimated");
 * ```
 */
export function makeCues(segments: readonly Segment[], options: CueOptions = {}): Cue[] {
  const limits = limitsOf(options);
  const placed = placeSegments(segments, limits);
  const atoms = placed.flatMap((segment, index) => timeAtoms(segment, index, limits.maxColumns));
  joinSegments(atoms);
  const groups = partition(atoms, limits);
  const cues = groups.map(({ from, end }): Cue => {
    const pieces = layOut(atoms.slice(from, end), limits.maxColumns);
    return {
      startSeconds: atoms[from]!.startSeconds,
      endSeconds: atoms[end - 1]!.endSeconds,
      lines: pieces.map(textOfLine),
      pieces,
      timing: timingOf(atoms, from, end, placed),
    };
  });
  const widths = groups.map(({ from, end }) => widthOf(atoms.slice(from, end)));
  const ends = groups.map(({ end }) => placed[atoms[end - 1]!.segment]!.endSeconds);
  return settle(cues, widths, ends, limits);
}

/** Segments with text, free of overlaps, short ones stretched into the silence around them. */
function placeSegments(
  segments: readonly Segment[],
  { minSeconds, durationSeconds, startSeconds: earliest }: CueLimits,
): Segment[] {
  const placed: Segment[] = [];
  let clock = earliest;
  for (const [index, segment] of segments.entries()) {
    if (!Number.isFinite(segment.startSeconds) || !Number.isFinite(segment.endSeconds)) {
      throw new OptionError(
        `Cannot make cues: segment ${index} runs from ${segment.startSeconds} to ${segment.endSeconds} seconds.`,
      );
    }
    if (!segment.text.trim()) continue;
    const startSeconds = Math.max(segment.startSeconds, clock);
    clock = Math.max(segment.endSeconds, startSeconds);
    placed.push({ ...segment, startSeconds, endSeconds: clock });
  }
  for (const [index, segment] of placed.entries()) {
    const before = placed[index - 1]?.endSeconds ?? earliest;
    const after = placed[index + 1]?.startSeconds ?? Math.max(durationSeconds, segment.endSeconds);
    segment.endSeconds = Math.max(segment.endSeconds, Math.min(after, segment.startSeconds + minSeconds));
    segment.startSeconds = Math.min(segment.startSeconds, Math.max(before, segment.endSeconds - minSeconds));
  }
  return placed;
}

function joinSegments(atoms: TimedAtom[]): void {
  for (const [k, atom] of atoms.entries()) {
    const next = atoms[k + 1];
    if (next && next.segment !== atom.segment) atom.spaceAfter = needsSpace(atom.text, next.text);
  }
}

/** A cue has the timing of its segments when it is all of them, or stands on words of an aligner. */
function timingOf(
  atoms: readonly TimedAtom[],
  from: number,
  end: number,
  segments: readonly Segment[],
): Segment["timing"] {
  const timings = new Set(atoms.slice(from, end).map(({ segment }) => segments[segment]!.timing));
  const [timing] = timings;
  if (timings.size > 1 || timing === undefined) return "estimated";
  if (timing === "aligned" && atoms.slice(from, end).some(({ fromWord }) => fromWord)) return "aligned";
  const isWhole = atoms[from - 1]?.segment !== atoms[from]!.segment &&
    atoms[end]?.segment !== atoms[end - 1]!.segment;
  return isWhole ? timing : "estimated";
}

/** Gives cues that are too short to read the pause after (or before) them, cuts long ones, rounds to milliseconds. */
function settle(cues: Cue[], widths: readonly number[], ends: readonly number[], limits: CueLimits): Cue[] {
  let clock = limits.startSeconds;
  for (const [k, cue] of cues.entries()) {
    const wanted = Math.min(limits.maxSeconds, Math.max(limits.minSeconds, widths[k]! / limits.readingSpeed));
    const free = Math.min(ends[k]!, cues[k + 1]?.startSeconds ?? Infinity);
    const end = Math.max(cue.endSeconds, Math.min(free, cue.startSeconds + wanted));
    const start = Math.max(clock, cue.startSeconds);
    cue.startSeconds = milliseconds(start);
    cue.endSeconds = milliseconds(
      Math.max(start + SHORTEST_SECONDS, Math.min(end, start + limits.maxSeconds)),
    );
    clock = cue.endSeconds;
  }
  return cues;
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
