import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { LANGUAGES } from "../lib/text/languages.ts";
import { OptionError } from "../mod.ts";
import { frameOf, FrameReader, type WyomingEvent } from "../lib/server/wyoming/frames.ts";
import { scriptedRecognizer } from "./support/realtime_client.ts";
import { runPython } from "./support/python.ts";
import { soon } from "./support/server_raw.ts";
import { recording, references, start } from "./support/server_start.ts";

const wyoming = { port: 0 };

/** A client that speaks frames. */
async function open(server: { wyomingUrl: string | undefined }) {
  const { port } = new URL(server.wyomingUrl!.replace("tcp", "http"));
  const socket = await Deno.connect({ port: Number(port) });
  const reader = new FrameReader((buffer) => socket.read(buffer));
  return {
    reader,
    socket,
    raw: async (bytes: Uint8Array | string) => {
      const all = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
      for (let at = 0; at < all.length;) at += await socket.write(all.subarray(at));
    },
    async send(type: string, data: object = {}, payload = new Uint8Array()) {
      const line = JSON.stringify({ type, data, payload_length: payload.length });
      await this.raw(line + "\n");
      await this.raw(payload);
    },
    next: (): Promise<WyomingEvent | undefined> => reader.next(),
    [Symbol.dispose]: () => {
      try {
        socket.close();
      } catch {
        // The server was first.
      }
    },
  };
}

const SOUND = { rate: 16_000, width: 2, channels: 1 };

Deno.test("frames: lines, data behind them and payloads, in whatever pieces they come", async () => {
  const payload = Uint8Array.from({ length: 1000 }, (_, at) => at);
  const data = new TextEncoder().encode('{"b":"ä"}');
  const line = new TextEncoder().encode(
    `{"type":"one","data":{"a":1},"data_length":${data.length},"payload_length":1000}\n`,
  );
  const bytes = new Uint8Array([...line, ...data, ...payload, ...frameOf({ type: "two", data: { c: 3 } })]);
  for (const step of [1, 7, 100, 5000]) {
    let at = 0;
    const reader = new FrameReader((buffer) => {
      const piece = bytes.subarray(at, at + Math.min(step, buffer.length));
      at += piece.length;
      buffer.set(piece);
      return Promise.resolve(piece.length || null);
    });
    assertEquals(await reader.next(), { type: "one", data: { a: 1, b: "ä" }, payload });
    assertEquals(await reader.next(), { type: "two", data: { c: 3 } });
    assertEquals(await reader.next(), undefined);
  }
});

Deno.test("Wyoming: describe, ping, names and terms, text while it is spoken and whole", async () => {
  const recognizer = await scriptedRecognizer();
  await using server = await start({ model: recognizer, wyoming });
  using client = await open(server);
  await client.send("describe");
  const info = await client.next();
  const [program] = info?.data["asr"] as { models: { name: string; languages: string[] }[] }[];
  assertEquals(info?.type, "info");
  assertEquals(program?.models.map(({ name }) => name), ["demo"]);
  assertEquals(program?.models[0]?.languages, LANGUAGES.map(({ code }) => code));
  await client.send("ping", { text: "tea" });
  assertEquals(await client.next(), { type: "pong", data: { text: "tea" } });
  await client.send("nobody-knows-this", { x: 1 });
  await client.send("transcribe", {
    language: "de",
    transcript_names: ["Flur"],
    transcript_terms: ["Licht"],
  });
  await client.send("audio-start", SOUND);
  await client.send("audio-chunk", { ...SOUND, channels: 2 }, new Uint8Array(64_000));
  await client.send("audio-stop");
  const said = [];
  for (let event; event?.type !== "transcript-stop";) said.push(event = await client.next());
  assertEquals(said.map((event) => [event?.type, event?.data["text"]]), [
    ["transcript-start", undefined],
    ["transcript-chunk", "Hello"],
    ["transcript", "Hello."],
    ["transcript-stop", undefined],
  ]);
  const [stream] = recognizer.model.streams;
  assertEquals([stream!.options.language, stream!.options.hotwords], ["German", ["Flur", "Licht"]]);
  assertEquals([stream!.samples, ...stream!.rates], [16_000, 16_000]);
  await soon("given back", () => stream!.isDisposed);
});

Deno.test("Wyoming: what is not usable is answered with an error, what is no event ends the connection", async () => {
  const recognizer = await scriptedRecognizer();
  await using server = await start({ model: recognizer, wyoming, sessionBufferSeconds: 2 });
  {
    using client = await open(server);
    const refused = async (type: string, data: object, code: string, payload?: Uint8Array<ArrayBuffer>) => {
      await client.send(type, data, payload);
      const event = await client.next();
      assertEquals([event?.type, event?.data["code"]], ["error", code]);
    };
    await refused("transcribe", { language: "xx-nowhere" }, "unknown_language");
    await refused("transcribe", { name: "gpt-9" }, "model_not_found");
    await refused("transcribe", { transcript_names: 3 }, "invalid_value");
    await refused("audio-chunk", { ...SOUND, width: 4 }, "invalid_audio", new Uint8Array(4));
    await refused("audio-chunk", { ...SOUND, rate: 1 }, "invalid_audio", new Uint8Array(4));
    await refused("audio-chunk", {}, "invalid_audio");
    await refused("audio-chunk", SOUND, "buffer_overflow", new Uint8Array(96_000));
  }
  for (
    const garbage of [
      "GET / HTTP/1.1\r\n\r\n",
      "[]\n",
      "{}\n",
      '{"type":"x","payload_length":-1}\n',
      '{"type":"x","payload_length":1e9}\n',
      '{"type":"x","data_length":9999999}\n',
      '{"type":"x","data_length":2}\n[]',
      Uint8Array.of(0xff, 0xfe, 10),
      "x".repeat(200_000),
    ]
  ) {
    using client = await open(server);
    await client.raw(garbage);
    assertEquals((await client.next())?.data["code"], "invalid_event");
    assertEquals(await client.next().catch(() => undefined), undefined);
  }
  using client = await open(server);
  await client.send("ping");
  assertEquals((await client.next())?.type, "pong");
});

Deno.test("Wyoming: places, idle clients, and those that hang up", async () => {
  const recognizer = await scriptedRecognizer();
  await using server = await start({ model: recognizer, wyoming, sessions: 1, sessionIdleSeconds: 0.5 });
  using first = await open(server);
  await first.send("ping");
  await first.next();
  {
    using second = await open(server);
    assertEquals((await second.next())?.data["code"], "too_many_sessions");
  }
  await first.send("audio-chunk", SOUND, new Uint8Array(3200));
  await soon("heard", () => recognizer.model.streams.length === 1);
  // It says no more.
  assertEquals(await first.next().catch(() => undefined), undefined);
  await soon("given back", () => recognizer.model.streams[0]!.isDisposed);
});

Deno.test("Wyoming: an address that is taken is one sentence", async () => {
  await using server = await start({ wyoming });
  const port = Number(new URL(server.wyomingUrl!.replace("tcp", "http")).port);
  const error = await assertRejects(() => start({ wyoming: { port } }), OptionError);
  assertMatch(error.message, new RegExp(`^Cannot listen at 127\\.0\\.0\\.1:${port}: `));
});

const CLIENT = `
import asyncio, json, sys, wave
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioStart, AudioChunk, AudioStop
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info

async def main(url, path, language):
    out = {"chunks": [], "types": []}
    async with AsyncClient.from_uri(url) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        out["models"] = [model.name for program in info.asr for model in program.models]
        out["streaming"] = info.asr[0].supports_transcript_streaming
        await client.write_event(Transcribe(language=language, transcript_names=["Anna"]).event())
        with wave.open(path) as sound:
            form = dict(rate=sound.getframerate(), width=sound.getsampwidth(), channels=sound.getnchannels())
            await client.write_event(AudioStart(**form).event())
            while data := sound.readframes(1024):
                await client.write_event(AudioChunk(audio=data, **form).event())
        await client.write_event(AudioStop().event())
        while event := await client.read_event():
            out["types"].append(event.type)
            if TranscriptChunk.is_type(event.type):
                out["chunks"].append(TranscriptChunk.from_event(event).text)
            if Transcript.is_type(event.type):
                transcript = Transcript.from_event(event)
                out["text"], out["language"] = transcript.text, transcript.language
            if TranscriptStop.is_type(event.type):
                break
    print(json.dumps(out))

asyncio.run(main(*sys.argv[1:]))
`;

Deno.test("wyoming's own client, as Home Assistant has it, hears recordings", async () => {
  await using server = await start({ wyoming });
  const texts = await references();
  for (const [name, language] of [["dev-01-en.wav", "en"], ["dev-02-de.wav", "de"]] as const) {
    const heard = await runPython(CLIENT, server.wyomingUrl!, recording(name), language);
    assertEquals([heard.models, heard.streaming], [["demo"], true]);
    assertEquals([heard.text, heard.language], [texts.get(name), language]);
    assert(heard.chunks.length > 0 && texts.get(name)!.startsWith(heard.chunks.join("").split(" ")[0]));
    assertEquals(heard.types.filter((type: string) => type !== "transcript-chunk"), [
      "transcript-start",
      "transcript",
      "transcript-stop",
    ]);
  }
});
