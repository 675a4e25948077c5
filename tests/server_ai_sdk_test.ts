import { assert, assertEquals, assertRejects } from "@std/assert";
import { createOpenAI } from "@ai-sdk/openai";
import { experimental_transcribe as transcribe } from "ai";
import { recording, start } from "./support/server_start.ts";

function provider(server: { url: string }) {
  return createOpenAI({ apiKey: "any", baseURL: `${server.url}/v1` });
}

Deno.test("Vercel's transcribe() reads text, language, duration and segments", async () => {
  await using server = await start();
  const result = await transcribe({
    model: provider(server).transcription("whisper-1"),
    audio: await Deno.readFile(recording("dev-02-de.wav")),
    providerOptions: { openai: { timestampGranularities: ["segment"], temperature: 0, prompt: "Alltag" } },
  });
  assertEquals(result.text, "Heute ist Mittwoch, das Auto ist klein.");
  assertEquals(result.language, "de");
  assertEquals(result.segments.map(({ text }) => text), [result.text]);
  const [{ startSecond, endSecond } = { startSecond: NaN, endSecond: NaN }] = result.segments;
  assert(startSecond >= 0 && startSecond < endSecond && endSecond <= (result.durationInSeconds ?? 0));
});

Deno.test("Vercel's transcribe() works without options, and hands on refusals", async () => {
  await using server = await start();
  const audio = await Deno.readFile(recording("dev-01-en.wav"));
  const model = provider(server).transcription("gpt-4o-transcribe");
  assertEquals((await transcribe({ model, audio })).text, "I see ten yellow windows.");
  await assertRejects(
    () => transcribe({ model, audio, maxRetries: 0, providerOptions: { openai: { include: ["tea"] } } }),
    Error,
    'expected "logprobs"',
  );
});
