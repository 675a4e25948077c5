import { assertEquals, assertRejects } from "@std/assert";
import { OptionError, Qwen3ASR } from "../mod.ts";
import { serve } from "../lib/server/serve.ts";
import { recordingPath } from "./support/demo_files.ts";

Deno.test("serve() answers at its address until it is closed, and says when the port is not to be had", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const server = await serve({ model: "demo", port: 0 });
  assertEquals(await (await fetch(`${server.url}/ready`)).json(), { status: "ready", model: "loaded" });
  const form = new FormData();
  const recording = recordingPath("dev-01-en.wav");
  form.set("file", new Blob([await Deno.readFile(recording)]), "dev-01-en.wav");
  form.set("model", "whisper-1");
  const answer = await fetch(`${server.url}/v1/audio/transcriptions`, { method: "POST", body: form });
  assertEquals((await answer.json()).text, (await asr.transcribe(recording)).text);
  await assertRejects(() => serve({ model: "demo", port: server.port }), OptionError, "Cannot listen");
  await server.close();
  await assertRejects(() => fetch(`${server.url}/ready`));
  await assertRejects(() => serve({ model: "demo", port: 70_000 }), OptionError, "70000");
});
