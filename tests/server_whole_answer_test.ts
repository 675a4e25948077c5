import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse as parseSubtitles } from "@plussub/srt-vtt-parser";
import { Qwen3ASR } from "@qwen3/asr";
import { formOf, post, recording, refusal, start } from "./support/server_start.ts";

const WHOLE = { "include[]": "qwen3_asr.transcript", "timestamp_granularities[]": "word" };

Deno.test("include qwen3_asr.transcript: everything that is known, in json, verbose_json and the end of a stream", async () => {
  await using server = await start();
  await using asr = await Qwen3ASR.load("demo");
  const name = "dev-26-de.wav";
  const { stats: _, ...known } = await asr.transcribe(recording(name), { timestamps: "word" });
  const bodies = await Promise.all([{}, { response_format: "verbose_json" }].map(async (more) => {
    const response = await post(server, await formOf(name, { ...WHOLE, ...more }));
    assertEquals(response.status, 200);
    return await response.json();
  }));
  const stream = await post(server, await formOf(name, { ...WHOLE, stream: "true" }));
  const events = (await stream.text()).trim().split("\n\n").map((line) =>
    JSON.parse(line.replace("data: ", ""))
  );
  for (const { qwen3_asr } of [...bodies, events.at(-1)]) {
    const { stats: _, ...transcript } = qwen3_asr.transcript;
    const chunks = transcript.chunks.map(({ logprobs: _, ...chunk }: { logprobs?: unknown }) => chunk);
    assertEquals({ ...transcript, chunks }, known);
    assert(known.speech!.length > 0 && known.speech!.every(({ endSeconds }) => endSeconds <= 6.4));
    const { srt, vtt, txt, json } = qwen3_asr.files;
    for (const subtitles of [srt, vtt]) {
      const said = parseSubtitles(subtitles).entries.map(({ text }) => text.replaceAll("\n", " ")).join(" ");
      assertEquals(said, known.text);
    }
    assertEquals([txt, JSON.parse(json).text], [`${known.text}\n`, known.text]);
    const peaks = Uint8Array.fromBase64(qwen3_asr.peaks);
    assertEquals([peaks.length, Math.max(...peaks)], [Math.ceil(known.durationSeconds * 100), 255]);
  }
  const plain = await (await post(server, await formOf(name))).json();
  assertEquals("qwen3_asr" in plain, false);
  const text = await refusal(await post(server, await formOf(name, { ...WHOLE, response_format: "srt" })));
  assertEquals([text.status, text.param], [400, "include"]);
  assertMatch(String(text.message), /needs response_format json or verbose_json/);
  const other = await refusal(await post(server, await formOf(name, { "include[]": "logprob" })));
  assertMatch(String(other.message), /expected "logprobs" or "qwen3_asr.transcript"/);
});
