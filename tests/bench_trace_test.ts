import { assert, assertEquals } from "@std/assert";
import { chromeTrace, Qwen3ASR, type StageSpan } from "../mod.ts";

interface TraceEvent {
  name: string;
  ph: "X" | "M";
  pid: number;
  tid: number;
  ts: number;
  dur: number;
  args: Record<string, unknown>;
}

Deno.test("chromeTrace() gives complete events in microseconds and a named lane a stage", async () => {
  let spans: readonly StageSpan[] = [];
  await using asr = await Qwen3ASR.load("demo", { device: "cpu" });
  await asr.transcribe("demo/recordings/dev-01-en.wav", { onProfile: (all) => spans = all });
  const { traceEvents } = JSON.parse(chromeTrace(spans)) as { traceEvents: TraceEvent[] };
  const lanes = new Map(
    traceEvents.filter(({ ph }) => ph === "M").map(({ tid, args }) => [tid, args["name"]]),
  );
  const stages = traceEvents.filter(({ ph }) => ph === "X");
  assertEquals(stages.length, spans.length);
  assertEquals([...new Set(stages.map(({ name }) => name))].sort(), [
    ...["audio", "decode", "encoder", "mel", "prefill", "vad"],
  ]);
  assertEquals(Math.min(...stages.map(({ ts }) => ts)), 0);
  for (const { name, tid, dur } of stages) {
    assertEquals(lanes.get(tid), name);
    assert(dur >= 0);
  }
  // The format wants microseconds; the spans are milliseconds.
  const decoded = spans.filter(({ name }) => name === "decode").reduce(
    (sum, span) => sum + span.durationMs,
    0,
  );
  const traced = stages.filter(({ name }) => name === "decode").reduce((sum, { dur }) => sum + dur, 0);
  assert(Math.abs(traced / 1000 - decoded) < 0.01 * decoded + 0.01);
});

Deno.test("chromeTrace() of nothing is a trace without stages", () => {
  const { traceEvents } = JSON.parse(chromeTrace([])) as { traceEvents: TraceEvent[] };
  assertEquals(traceEvents.every(({ ph }) => ph === "M"), true);
});
