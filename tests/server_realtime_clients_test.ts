import { assert, assertEquals } from "@std/assert";
import { OpenAIRealtimeWS } from "openai-7/realtime/ws";
import OpenAI from "openai-7";
import { ClientSound, RealtimeClient, type Sent } from "./support/realtime_client.ts";
import { runPython } from "./support/python.ts";
import { references, start } from "./support/server_start.ts";

const isOf = (kind: string) => ({ type }: Sent) => type.endsWith(`input_audio_transcription.${kind}`);

Deno.test("openai 7 transcribes a recording over WSS, by voice activity", async () => {
  const cert = await Deno.readTextFile(new URL("fixtures/tls/cert.pem", import.meta.url));
  const key = await Deno.readTextFile(new URL("fixtures/tls/key.pem", import.meta.url));
  // Before the greeting, which is not waited for.
  const sound = await ClientSound.bytes("dev-01-en.wav", { type: "audio/pcm", rate: 24_000 });
  await using server = await start({ cert, key });
  const client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1` });
  const socket = new OpenAIRealtimeWS({ intent: "transcription", options: { ca: cert } }, client);
  const done = Promise.withResolvers<string>();
  let deltas = "";
  socket.on("error", done.reject);
  socket.on("session.created", () => {
    for (let at = 0; at < sound.length; at += 4800) {
      socket.send({ type: "input_audio_buffer.append", audio: sound.slice(at, at + 4800).toBase64() });
    }
    socket.send({ type: "input_audio_buffer.append", audio: new Uint8Array(48_000).toBase64() });
  });
  socket.on("conversation.item.input_audio_transcription.delta", ({ delta }) => void (deltas += delta));
  socket.on(
    "conversation.item.input_audio_transcription.completed",
    ({ transcript }) => done.resolve(transcript),
  );
  const text = await done.promise;
  assertEquals(text, (await references()).get("dev-01-en.wav"));
  assert(text.startsWith(deltas.slice(0, 5)), deltas);
  const closed = Promise.withResolvers<void>();
  socket.socket.on("close", () => closed.resolve());
  socket.close();
  await closed.promise;
});

const PYTHON = `
import asyncio, base64, json, sys, wave
from openai import AsyncOpenAI

async def main(url, path):
    client = AsyncOpenAI(api_key="right", base_url=url)
    out = {"types": [], "deltas": ""}
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        await connection.session.update(session={
            "type": "transcription",
            "audio": {"input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                "turn_detection": None,
            }},
        })
        with open(path, "rb") as sound:
            while data := sound.read(9600):
                await connection.input_audio_buffer.append(audio=base64.b64encode(data).decode())
        await connection.input_audio_buffer.commit()
        async for event in connection:
            out["types"].append(event.type)
            if event.type.endswith("transcription.delta"):
                out["deltas"] += event.delta
            if event.type.endswith("transcription.completed"):
                out["text"], out["usage"] = event.transcript, event.usage.type
                break
            if event.type == "error":
                raise Exception(event.error.message)
    print(json.dumps(out))

asyncio.run(main(*sys.argv[1:]))
`;

Deno.test("openai-python transcribes a recording over WS, and commits itself", async () => {
  await using server = await start({ apiKeys: ["right"] });
  const path = await Deno.makeTempFile({ suffix: ".pcm" });
  try {
    await Deno.writeFile(path, await ClientSound.bytes("dev-01-en.wav", { type: "audio/pcm", rate: 24_000 }));
    const { text, usage, types } = await runPython(PYTHON, `${server.url}/v1`, path);
    assertEquals([text, usage], [(await references()).get("dev-01-en.wav"), "duration"]);
    assertEquals(types.slice(0, 2), ["session.created", "session.updated"]);
  } finally {
    await Deno.remove(path);
  }
});

/** What it waits for, from its source: `cleared`, and the text of each committed item. */
Deno.test("the Agents SDK's end: commit and clear, then the text of everything that was committed", async () => {
  await using server = await start();
  const expected = (await references()).get("dev-04-en.wav");
  for (const withSilence of [false, true]) {
    await using client = new RealtimeClient(server);
    await client.event("session.created");
    client.send({
      type: "session.update",
      session: {
        type: "transcription",
        audio: {
          input: {
            format: { type: "audio/pcm", rate: 24_000 },
            transcription: { model: "gpt-4o-transcribe" },
            turn_detection: { type: "semantic_vad" },
          },
        },
      },
    });
    await client.event("session.updated");
    client.append(await ClientSound.of("dev-04-en.wav"), 2400);
    if (withSilence) client.append(new Int16Array(24_000 * 2), 2400);
    client.send({ type: "input_audio_buffer.commit", event_id: "commit_1" });
    client.send({ type: "input_audio_buffer.clear" });
    await client.event("input_audio_buffer.cleared");
    const committed = client.events.filter(({ type }) => type.endsWith("committed")).map(({ item_id }) =>
      item_id
    );
    const errors = client.events.filter(({ type }) => type === "error").map(({ error }) => error);
    assert(
      errors.every((error) =>
        error.event_id === "commit_1" && error.code === "input_audio_buffer_commit_empty"
      ),
    );
    await client.until(
      "all completed",
      () =>
        committed.every((id) =>
          client.events.some((event) => isOf("completed")(event) && event.item_id === id)
        ),
    );
    const texts = client.events.filter(isOf("completed")).map(({ transcript }) => transcript);
    assertEquals(texts.filter((text) => text !== ""), [expected]);
  }
});

/** As livekit-plugins-openai 1.8.9 writes them: it waits for nothing, and sends lists for the newer models. */
Deno.test("LiveKit's frames: settings unasked, keywords always, its own pauses", async () => {
  await using server = await start();
  await using client = new RealtimeClient(server, {
    query: "?intent=transcription&model=gpt-transcribe",
    protocols: [],
  });
  await client.until("open", () => client.socket.readyState === WebSocket.OPEN || client.events.length > 0);
  const update = (languages: string[]) =>
    client.send({
      type: "session.update",
      session: {
        type: "transcription",
        audio: {
          input: {
            format: { type: "audio/pcm", rate: 24000 },
            transcription: { model: "gpt-transcribe", languages, keywords: [] },
            turn_detection: {
              type: "server_vad",
              threshold: 0.5,
              prefix_padding_ms: 600,
              silence_duration_ms: 350,
            },
          },
        },
      },
    });
  update(["en"]);
  client.append(await ClientSound.of("dev-01-en.wav"), 1200);
  client.append(new Int16Array(24_000), 1200);
  const texts = await references();
  assertEquals((await client.event("completed")).transcript, texts.get("dev-01-en.wav"));
  // The socket comes out of its pool once more.
  update(["de"]);
  client.append(await ClientSound.of("dev-02-de.wav"), 1200);
  client.append(new Int16Array(24_000), 1200);
  await client.until("two texts", () => client.events.filter(isOf("completed")).length === 2);
  assertEquals(client.events.filter(isOf("completed"))[1].transcript, texts.get("dev-02-de.wav"));
  assert(!client.events.some(({ type }) => type === "error"), "any error ends LiveKit's session");
});

/** As pipecat-ai 1.14.0 writes them: it has its own voice activity, and commits. */
Deno.test("pipecat's frames: settings after the greeting, commits by its own voice activity", async () => {
  await using server = await start();
  await using client = new RealtimeClient(server, { protocols: [] });
  await client.event("session.created");
  client.send({
    type: "session.update",
    session: {
      type: "transcription",
      audio: {
        input: {
          format: { type: "audio/pcm", rate: 24000 },
          transcription: { model: "gpt-4o-transcribe", language: "en", prompt: "Windows" },
          turn_detection: null,
        },
      },
    },
  });
  await client.event("session.updated");
  const texts = await references();
  const names = ["dev-01-en.wav", "dev-04-en.wav"];
  for (const name of names) {
    client.append(await ClientSound.of(name), 480);
    client.send({ type: "input_audio_buffer.commit" });
    // It goes on sending what the microphone hears.
    client.append(new Int16Array(4800), 480);
  }
  await client.until("two texts", () => client.events.filter(isOf("completed")).length === 2);
  assertEquals(
    client.events.filter(isOf("completed")).map(({ transcript }) => transcript),
    names.map((name) => texts.get(name)),
  );
});

Deno.test("a browser's own WebSocket, with the key as a subprotocol", async () => {
  await using server = await start({ apiKeys: ["right"] });
  await using client = new RealtimeClient(server, {
    protocols: ["realtime", "openai-insecure-api-key.right"],
  });
  await client.event("session.created");
  client.append(await ClientSound.of("dev-01-en.wav"));
  client.send({ type: "input_audio_buffer.commit" });
  assertEquals((await client.event("completed")).transcript, (await references()).get("dev-01-en.wav"));
});
