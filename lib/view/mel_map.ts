/**
 * The mel of a whole recording as a picture, for places that run no scripts.
 *
 * @module
 */
import { type Chart, heatMap } from "../plot/mod.ts";
import type { Trace } from "../recognize/inspection/trace.ts";
import { FRAME_SECONDS, wholeMel } from "./whole_mel.ts";

/** The mel with the places between chunks. */
export function melMap(trace: Trace, title: string): Chart {
  const { values, rows, columns } = wholeMel(trace);
  const from = trace.plan[0]?.startSeconds ?? 0;
  return heatMap({ values, rows, columns }, {
    title,
    x: { label: "time (s)", from, to: from + columns * FRAME_SECONDS },
    y: { label: "mel band" },
    origin: "lower",
    marks: trace.cutsSeconds.map((at) => ({ at })),
  });
}
