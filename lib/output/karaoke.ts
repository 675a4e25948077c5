/**
 * Which word of a cue is being said, and when.
 *
 * @module
 */
import type { Cue } from "./cues.ts";

/** A piece of a cue in its turn. Pieces follow each other; what lies between two is a pause. */
export interface SungPiece {
  text: string;
  /** What follows it: a space, a line break, nothing. */
  after: "" | " " | "\n";
  /** Milliseconds from the start of the recording, inside the cue. */
  startMs: number;
  endMs: number;
}

/**
 * The pieces of a cue with their times.
 *
 * @returns Undefined when a piece has no time of its own: the cue is shown as a whole then.
 */
export function sungPieces({ startSeconds, endSeconds, pieces }: Cue): SungPiece[] | undefined {
  const [from, to] = [Math.round(startSeconds * 1000), Math.round(endSeconds * 1000)];
  let clock = from;
  const sung: SungPiece[] = [];
  for (const [line, atoms] of pieces.entries()) {
    for (const [index, atom] of atoms.entries()) {
      const isSaid = /[\p{L}\p{N}]/u.test(atom.text);
      if (isSaid && !atom.fromWord) return undefined;
      const startMs = isSaid ? Math.min(Math.max(Math.round(atom.startSeconds * 1000), clock), to) : clock;
      const endMs = isSaid ? Math.min(Math.max(Math.round(atom.endSeconds * 1000), startMs), to) : clock;
      const isLast = index === atoms.length - 1;
      const after = isLast ? (line === pieces.length - 1 ? "" : "\n") : atom.spaceAfter ? " " : "";
      sung.push({ text: atom.text, after, startMs, endMs });
      clock = endMs;
    }
  }
  return sung;
}

/** One after the other: what is shown from one moment to the next, and which piece is being said then. */
export interface Highlight {
  startMs: number;
  endMs: number;
  /** Index of the piece; undefined in a pause. */
  piece: number | undefined;
}

/** The moments of a cue, without a gap from its start to its end. */
export function highlights(sung: readonly SungPiece[], { startSeconds, endSeconds }: Cue): Highlight[] {
  const moments: Highlight[] = [];
  let clock = Math.round(startSeconds * 1000);
  const show = (endMs: number, piece?: number) => {
    if (endMs > clock) moments.push({ startMs: clock, endMs, piece });
    clock = Math.max(clock, endMs);
  };
  for (const [index, { startMs, endMs }] of sung.entries()) {
    show(startMs);
    show(endMs, index);
  }
  show(Math.round(endSeconds * 1000));
  return moments;
}
