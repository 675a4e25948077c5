import { assertEquals } from "@std/assert";
import { loadAudio } from "../mod.ts";
import { demoModel, recording } from "./support/server_start.ts";

Deno.test("a short recording is done before the batch of a long one that began earlier, each with its own text", async () => {
  const asr = await demoModel();
  const { samples } = await loadAudio(recording("dev-00-en.wav"));
  const one = samples.slice();
  const long = Float32Array.from({ length: 100 * 16_000 }, (_, i) => one[i % one.length]!);
  const alone = (await asr.transcribe(long, { rescue: false })).text;
  const order: string[] = [];
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  const whole = asr.transcribe(long, {
    rescue: false,
    onProgress: ({ type }) => type === "delta" && resolve(),
  }).then(({ text }) => {
    order.push("long");
    return text;
  });
  await begun;
  const { text } = await asr.transcribe(recording("dev-01-en.wav"));
  order.push("short");
  assertEquals(text, "I see ten yellow windows.");
  assertEquals(await whole, alone);
  assertEquals(order, ["short", "long"]);
});
