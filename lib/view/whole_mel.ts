/**
 * The mel of a recording out of those of its chunks.
 *
 * @module
 */
import type { Tensor, Trace } from "../recognize/inspection/trace.ts";

/** Length of a frame of the mel. */
export const FRAME_SECONDS = 0.01;

/** The mel of all chunks in their places: rows are bands, columns frames of 10 ms; NaN where there is none. */
export function wholeMel({ chunks, plan }: Trace): { values: Float32Array; rows: number; columns: number } {
  const mels = chunks.map(({ passes }) => passes[0]).filter((pass) => pass !== undefined);
  const rows = mels[0]?.mel.shape[0] ?? 0;
  const start = plan[0]?.startSeconds ?? 0;
  const columns = Math.ceil(((plan.at(-1)?.endSeconds ?? 0) - start) / FRAME_SECONDS);
  const values = new Float32Array(rows * columns).fill(NaN);
  for (const { mel, startSeconds } of mels) {
    place(mel, Math.round((startSeconds - start) / FRAME_SECONDS), values, columns);
  }
  return { values, rows, columns };
}

function place({ values, shape }: Tensor, at: number, into: Float32Array, columns: number): void {
  const [rows = 0, frames = 0] = shape;
  const count = Math.min(frames, columns - at);
  for (let row = 0; row < rows; row++) {
    into.set(values.subarray(row * frames, row * frames + count), row * columns + at);
  }
}
