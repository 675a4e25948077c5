/**
 * The mel of a whole recording as a PNG, for places that run no scripts.
 *
 * @module
 */
import { heatMap } from "../plot/mod.ts";
import type { Trace } from "../recognize/inspection/trace.ts";
import { FRAME_SECONDS, wholeMel } from "./whole_mel.ts";

/** Draws the mel with the places between chunks. */
export async function melPicture(trace: Trace, title: string): Promise<Uint8Array> {
  const { values, rows, columns } = wholeMel(trace);
  const from = trace.plan[0]?.startSeconds ?? 0;
  const map = heatMap({ values, rows, columns }, {
    title,
    x: { label: "time (s)", from, to: from + columns * FRAME_SECONDS },
    y: { label: "mel band" },
    origin: "lower",
    marks: trace.cutsSeconds.map((at) => ({ at })),
  });
  return await map.toPNG();
}
