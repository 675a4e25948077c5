import { assert, assertEquals } from "@std/assert";
import { ClientSound, RealtimeClient, type Sent } from "./support/realtime_client.ts";
import { soon } from "./support/server_raw.ts";
import { references, start } from "./support/server_start.ts";

const COMMIT = { type: "input_audio_buffer.commit" };
const MANUAL = {
  type: "session.update",
  session: { type: "transcription", audio: { input: { turn_detection: null } } },
};

const isOf = (kind: string) => ({ type }: Sent) => type.endsWith(`input_audio_transcription.${kind}`);

/** Texts of all turns, and that their deltas are there. */
function textsOf({ events }: RealtimeClient): string[] {
  return events.filter(isOf("completed")).map(({ transcript }) => transcript);
}

Deno.test("a recording over the socket is the text of its reference, in deltas and whole", async () => {
  await using server = await start();
  const texts = await references();
  for (const name of ["dev-01-en.wav", "dev-02-de.wav"]) {
    await using client = new RealtimeClient(server);
    await client.event("session.created");
    client.send({
      type: "session.update",
      session: { include: ["item.input_audio_transcription.logprobs"] },
    });
    client.append(await ClientSound.of(name), 2400);
    client.send(COMMIT);
    const { transcript, usage, languages, logprobs } = await client.event("completed");
    assertEquals(transcript, texts.get(name));
    assert(usage.seconds > 1 && usage.seconds < 6, `${usage.seconds}`);
    assertEquals(languages, [{ code: name.slice(-6, -4) }]);
    assertEquals(logprobs.map(({ token }: Sent) => token).join("").trim(), transcript);
    const types = client.events.map(({ type }) => type.replace(/.*\./, ""));
    assertEquals(types.filter((type) => type.startsWith("speech") || type === "committed"), [
      "speech_started",
      "speech_stopped",
      "committed",
    ]);
  }
});

Deno.test("turns by voice activity: two recordings with a pause are two turns in the order of the chain", async () => {
  await using server = await start();
  const texts = await references();
  await using client = new RealtimeClient(server);
  await client.event("session.created");
  const names = ["dev-01-en.wav", "dev-04-en.wav"];
  for (const name of names) {
    client.append(await ClientSound.of(name), 4800);
    client.append(new Int16Array(24_000), 4800);
  }
  await client.until("two texts", () => textsOf(client).length === 2);
  assertEquals(textsOf(client), names.map((name) => texts.get(name)));
  const [first, second] = client.events.filter(({ type }) => type.endsWith("committed"));
  assertEquals([first.previous_item_id, second.previous_item_id], [null, first.item_id]);
});

Deno.test("a session at 16 kHz, 48 kHz and by G.711 hears the same words", async () => {
  await using server = await start();
  const expected = (await references()).get("dev-01-en.wav");
  for (
    const format of [
      { type: "audio/pcm", rate: 16_000 },
      { type: "audio/pcm", rate: 48_000 },
      { type: "audio/pcmu" },
      { type: "audio/pcma" },
    ]
  ) {
    await using client = new RealtimeClient(server);
    await client.event("session.created");
    client.send({ type: "session.update", session: { audio: { input: { format, turn_detection: null } } } });
    client.appendBytes(await ClientSound.bytes("dev-01-en.wav", format), 4000);
    client.send(COMMIT);
    const { transcript } = await client.event("completed");
    // A telephone's band is narrower than what the small model has learnt: its words are near.
    if (format.type === "audio/pcm") assertEquals(transcript, expected);
    else assert(/windows/.test(transcript), transcript);
  }
});

Deno.test("sixteen sessions at once, some of which leave or dawdle: every text is right, none in another's session", async () => {
  await using server = await start();
  const texts = await references();
  const names = ["dev-00-en.wav", "dev-01-en.wav", "dev-02-de.wav", "dev-04-en.wav", "dev-05-de.wav"];
  const one = async (at: number) => {
    const name = names[at % names.length]!;
    await using client = new RealtimeClient(server);
    await client.event("session.created");
    if (at % 2 === 0) client.send(MANUAL);
    const sound = await ClientSound.of(name);
    if (at % 5 === 4) {
      client.append(sound.slice(0, sound.length / 2), 1200);
      // It hangs up in the middle of a word.
      return;
    }
    for (let from = 0; from < sound.length; from += 12_000) {
      client.append(sound.slice(from, from + 12_000), at % 3 === 0 ? 1200 : 12_000);
      if (at % 7 === 3) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    client.send(COMMIT);
    await client.event("completed");
    await new Promise((resolve) => setTimeout(resolve, 10));
    assertEquals([at, ...textsOf(client)], [at, texts.get(name)]);
    const deltas = client.events.filter(isOf("delta")).map(({ delta }) => delta).join("");
    assert(
      deltas.length > 0 && texts.get(name)!.split(" ").slice(0, 2).every((word) => deltas.includes(word)),
      deltas,
    );
    assert(!client.events.some(({ type }) => type === "error"));
  };
  await Promise.all(Array.from({ length: 16 }, (_, at) => one(at)));
  await soon("all given back", async () => {
    const response = await server.handler(new Request(`${server.url}/metrics`));
    return /^qwen3_asr_sessions_open 0$/m.test(await response.text());
  });
});

Deno.test("silence and noise commit nothing", async () => {
  await using server = await start();
  await using client = new RealtimeClient(server);
  await client.event("session.created");
  client.append(new Int16Array(24_000 * 5), 24_000);
  client.append(Int16Array.from({ length: 24_000 * 5 }, () => 600 * (Math.random() - 0.5)), 24_000);
  client.send(COMMIT);
  await client.event("completed");
  assertEquals(textsOf(client), [""]);
  assertEquals(client.events.filter(isOf("delta")), []);
});

Deno.test("a prompt that is too long is an error that names it", async () => {
  await using server = await start({ maxPromptTokens: 10 });
  await using client = new RealtimeClient(server);
  await client.event("session.created");
  const prompt = "one two three four five six seven eight nine ten eleven";
  client.send({ type: "session.update", session: { audio: { input: { transcription: { prompt } } } } });
  client.append(new Int16Array(24_000));
  const { error } = await client.event("error");
  assertEquals(error.param, "session.audio.input.transcription.prompt");
  assertEquals((await client.end()).code, 1011);
});
