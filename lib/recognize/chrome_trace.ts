/**
 * A profile as a file that chrome://tracing and ui.perfetto.dev open (Trace Event Format: complete events, microseconds).
 *
 * @module
 */
import type { StageSpan } from "./timing.ts";

/** Lanes from top to bottom. */
const LANES: readonly StageSpan["name"][] = ["audio", "vad", "mel", "encoder", "prefill", "decode"];

/**
 * JSON text of a trace with one lane a stage; times begin with the first span.
 *
 * @param spans As `onProfile` gives them.
 * @example
 * ```ts
 * import { chromeTrace } from "@qwen3/asr";
 * import { assertEquals } from "@std/assert";
 *
 * const text = chromeTrace([{ name: "mel", startMs: 100, durationMs: 2.5, detail: {} }]);
 * const event = JSON.parse(text).traceEvents.at(-1);
 * assertEquals([event.name, event.ph, event.ts, event.dur], ["mel", "X", 0, 2500]);
 * ```
 */
export function chromeTrace(spans: readonly StageSpan[]): string {
  const origin = Math.min(...spans.map(({ startMs }) => startMs));
  const microseconds = (ms: number) => Math.round(ms * 1e6) / 1e3;
  const lane = (name: StageSpan["name"]) => LANES.indexOf(name) + 1;
  const names = LANES.map((name) => ({
    ...{ name: "thread_name", ph: "M", pid: 1, tid: lane(name) },
    args: { name },
  }));
  const events = spans.toSorted((a, b) => a.startMs - b.startMs).map((span) => ({
    ...{ name: span.name, cat: "stage", ph: "X", pid: 1, tid: lane(span.name) },
    ts: microseconds(span.startMs - origin),
    dur: microseconds(span.durationMs),
    args: span.detail,
  }));
  return JSON.stringify({ displayTimeUnit: "ms", traceEvents: [...names, ...events] });
}
