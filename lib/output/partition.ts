/**
 * Which atoms share a cue: the partition of the whole text with the least sum of costs, found by dynamic programming
 * over the few places to which a cue can reach.
 *
 * @module
 */
import { LineFiller } from "./cue_lines.ts";
import type { CueLimits } from "./options.ts";
import type { BreakKind } from "./line_break.ts";
import type { TimedAtom } from "./timed_atoms.ts";

/** Cost of one more cue. The other costs are in the same unit. */
const CUE_COST = 8;

const CUE_BREAK_COST: Record<BreakKind, number> = {
  segment: 0,
  sentence: 0,
  clause: 12,
  word: 34,
  "cjk-word": 48,
  forced: 90,
};

/** A cue over two segments is worth it only to avoid one that is too short. */
const CROSSING_COST = 40;
const CROSSING_GAP_SECONDS = 0.5;
const SHORT_COST = 60;
const SHORT_COST_PER_SECOND = 400;
/** Per second for which text would have to leave the screen while it is still spoken. */
const LONG_COST_PER_SECOND = 20;
const FAST_COST_PER_COLUMN = 1;
const EMPTY_COST = 8;
/** Rounding of times is no reason to call a cue short. */
const TOLERANCE_SECONDS = 1e-6;

interface Choice {
  cost: number;
  /** Index of the cue's first atom. */
  from: number;
}

/** A run of atoms: from the first up to, not including, `end`. */
export interface Range {
  from: number;
  end: number;
}

/** Groups atoms into cues that fit `maxColumns` by `maxLines`. */
export function partition(atoms: readonly TimedAtom[], limits: CueLimits): Range[] {
  const best: Choice[] = [{ cost: 0, from: 0 }];
  for (let from = 0; from < atoms.length; from++) {
    const soFar = best[from]!.cost;
    for (const { end, cost } of cuesFrom(atoms, from, limits)) {
      const known = best[end];
      if (!known || soFar + cost < known.cost) best[end] = { cost: soFar + cost, from };
    }
  }
  const groups: Range[] = [];
  for (let end = atoms.length; end > 0; end = best[end]!.from) groups.push({ from: best[end]!.from, end });
  return groups.reverse();
}

/** Every cue that can start with an atom, with its cost. There is always the one of that atom alone. */
function* cuesFrom(
  atoms: readonly TimedAtom[],
  from: number,
  limits: CueLimits,
): Generator<{ end: number; cost: number }> {
  const filler = new LineFiller(limits.maxColumns);
  let crossings = 0;
  for (let end = from + 1; end <= atoms.length; end++) {
    const last = atoms[end - 1]!;
    const before = atoms[end - 2];
    if (end > from + 1 && before && before.segment !== last.segment) {
      if (last.startSeconds - before.endSeconds > CROSSING_GAP_SECONDS) return;
      crossings++;
    }
    filler.add(last);
    if (filler.lines > limits.maxLines) return;
    const start = atoms[from]!.startSeconds;
    const free = atoms[end]?.segment === last.segment ? atoms[end]!.startSeconds : last.endSeconds;
    yield {
      end,
      cost: CUE_COST + CUE_BREAK_COST[last.breakAfter] + crossings * CROSSING_COST +
        timeCost(last.endSeconds - start, Math.max(free, last.endSeconds) - start, filler.columns, limits) +
        EMPTY_COST * (1 - filler.columns / (limits.maxColumns * limits.maxLines)) ** 2,
    };
  }
}

/**
 * @param seconds Time in which the text is spoken.
 * @param freeSeconds The same with the pause before the next text.
 */
function timeCost(seconds: number, freeSeconds: number, columns: number, limits: CueLimits): number {
  const missing = limits.minSeconds - freeSeconds;
  const short = missing > TOLERANCE_SECONDS ? SHORT_COST + SHORT_COST_PER_SECOND * missing : 0;
  const long = Math.max(0, seconds - limits.maxSeconds) * LONG_COST_PER_SECOND;
  const shown = Math.min(Math.max(freeSeconds, TOLERANCE_SECONDS), limits.maxSeconds);
  const fast = Math.min(
    Math.max(0, columns / shown - limits.readingSpeed) * FAST_COST_PER_COLUMN,
    2 * CUE_COST,
  );
  return short + long + fast;
}
