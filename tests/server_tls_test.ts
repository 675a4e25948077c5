import { assert, assertEquals, assertRejects } from "@std/assert";
import { OptionError } from "../mod.ts";
import { OpenAIRealtimeWS } from "openai-7/realtime/ws";
import OpenAI from "openai-7";
import { scriptedRecognizer } from "./support/realtime_client.ts";
import { fileOf, start } from "./support/server_start.ts";

const cert = await Deno.readTextFile(new URL("fixtures/tls/cert.pem", import.meta.url));
const key = await Deno.readTextFile(new URL("fixtures/tls/key.pem", import.meta.url));

Deno.test("serve() speaks HTTPS with a certificate", async () => {
  await using server = await start({ cert, key });
  assert(server.url.startsWith("https://127.0.0.1:"));
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const form = new FormData();
  form.append("file", await fileOf("dev-01-en.wav"));
  const answer = await fetch(`${server.url}/v1/audio/transcriptions`, { method: "POST", body: form, client });
  assertEquals((await answer.json()).text, "I see ten yellow windows.");
  // Who speaks HTTP to it is no accident of the server's.
  using plain = await Deno.connect({ port: server.port });
  await plain.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const alive = await fetch(`${server.url}/health`, { client });
  assertEquals(await alive.json(), { status: "ok" });
});

Deno.test("serve() refuses a certificate that is none, or is alone, in one sentence", async () => {
  for (
    const options of [{ cert }, { key }, { cert: "tea", key }, { cert, key: "tea" }, { cert: key, key: cert }]
  ) {
    const error = await assertRejects(() => start(options), OptionError);
    assert(/certificate/.test(error.message) && !error.message.includes("\n"), error.message);
  }
});

Deno.test("openai 7 hears a session over WSS, with its own classes", async () => {
  const recognizer = await scriptedRecognizer();
  await using server = await start({ model: recognizer, apiKeys: ["right"], cert, key });
  const client = new OpenAI({ apiKey: "right", baseURL: `${server.url}/v1` });
  const socket = new OpenAIRealtimeWS({ intent: "transcription", options: { ca: cert } }, client);
  const texts: string[] = [];
  const done = Promise.withResolvers<void>();
  socket.on("error", done.reject);
  socket.on("session.created", () => {
    socket.send({
      type: "session.update",
      session: {
        type: "transcription",
        audio: {
          input: {
            format: { type: "audio/pcm", rate: 24_000 },
            transcription: { model: "gpt-4o-transcribe", language: "en" },
            turn_detection: null,
          },
        },
      },
    });
  });
  socket.on("session.updated", () => {
    socket.send({ type: "input_audio_buffer.append", audio: new Uint8Array(48_000).toBase64() });
    socket.send({ type: "input_audio_buffer.commit" });
  });
  socket.on("conversation.item.input_audio_transcription.delta", ({ delta }) => texts.push(delta ?? ""));
  socket.on("conversation.item.input_audio_transcription.completed", ({ transcript, usage }) => {
    texts.push(transcript);
    assertEquals(usage, { type: "duration", seconds: 1 });
    done.resolve();
  });
  await done.promise;
  assertEquals(texts, ["Hello", "Hello."]);
  const closed = Promise.withResolvers<void>();
  socket.socket.on("close", () => closed.resolve());
  socket.close();
  await closed.promise;
});
