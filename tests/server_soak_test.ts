import { assert, assertEquals, assertMatch } from "@std/assert";
import { liveHandles } from "../ffi/mod.ts";
import { crowd, type Visit } from "./support/server_crowd.ts";
import { demoModel, recording, start } from "./support/server_start.ts";

const FILES = Array.from({ length: 12 }, (_, index) => {
  const number = String(index).padStart(2, "0");
  return `dev-${number}-${index % 3 === 2 ? "de" : "en"}.wav`;
});

const ANSWERED = ["plain", "stream", "verbose", "slow"];

function count(visits: readonly Visit[], condition: (visit: Visit) => boolean): number {
  return visits.filter(condition).length;
}

Deno.test("serve() answers 300 requests of 8 unruly clients, each its own and right", async () => {
  const asr = await demoModel();
  const alone = new Map<string, string>();
  for (const file of FILES) alone.set(file, (await asr.transcribe(recording(file))).text);
  assertEquals(new Set(alone.values()).size, FILES.length, "a crossed answer would show");
  const handles = liveHandles();
  await using server = await start();
  const visits = await crowd(server, { clients: 8, requests: 300, files: FILES });
  assertEquals(visits.length, 300);
  for (const { behaviour, file, text, status } of visits) {
    if (ANSWERED.includes(behaviour)) assertEquals([file, status, text], [file, 200, alone.get(file)]);
    if (behaviour === "nonsense") assertEquals([status, text], [400, "invalid_multipart"]);
  }
  assert(count(visits, ({ behaviour }) => ANSWERED.includes(behaviour)) > 150);
  assert(count(visits, ({ behaviour }) => behaviour.startsWith("abort")) > 30);
  for (let i = 0; asr.pending > 0 && i < 6000; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertMatch(metrics, /^qwen3_asr_queue_running 0$/m);
  assertMatch(metrics, /^qwen3_asr_queue_waiting 0$/m);
  assertEquals(asr.pending, 0);
  assertEquals(liveHandles(), handles);
});
