import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { parse as parseSubtitles } from "@plussub/srt-vtt-parser";
import OpenAI from "openai";
import { OPENAI_MODELS } from "../lib/server/mod.ts";
import { excerpt } from "./support/server_speech.ts";
import { fileOf, recording, references, start } from "./support/server_start.ts";

function client(server: { url: string }, apiKey = "any"): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${server.url}/v1`, maxRetries: 0 });
}

const NAME = "dev-01-en.wav";
const TEXT = "I see ten yellow windows.";

Deno.test("OpenAI's client reads json, with usage that adds up", async () => {
  await using server = await start();
  const answer = await client(server).audio.transcriptions.create({
    file: await fileOf(NAME),
    model: "gpt-4o-transcribe",
  });
  assertEquals(answer.text, TEXT);
  assert(answer.usage?.type === "tokens");
  const { input_tokens, output_tokens, total_tokens, input_token_details } = answer.usage;
  // 2.94 s are 13 tokens a second (spec 5); the answer is some words.
  assertEquals(input_token_details?.audio_tokens, 38);
  assertEquals(input_tokens, 38 + (input_token_details?.text_tokens ?? NaN));
  assertEquals(total_tokens, input_tokens + output_tokens);
  assert(output_tokens >= 5 && output_tokens <= 20, `${output_tokens}`);
});

Deno.test("OpenAI's client reads text, srt and vtt", async () => {
  await using server = await start();
  const { transcriptions } = client(server).audio;
  const ask = async (response_format: "text" | "srt" | "vtt") => {
    return await transcriptions.create({ file: await fileOf(NAME), model: "whisper-1", response_format });
  };
  assertEquals(await ask("text"), `${TEXT}\n`);
  for (const format of ["srt", "vtt"] as const) {
    const { entries } = parseSubtitles(await ask(format));
    assertEquals(entries.map(({ text }) => text), [TEXT]);
    const [{ from, to } = { from: NaN, to: NaN }] = entries;
    assert(from >= 0 && from < to && to <= 2940, `${from} to ${to}`);
  }
});

Deno.test("OpenAI's client reads verbose_json with segments in order", async () => {
  await using server = await start();
  const answer = await client(server).audio.transcriptions.create({
    file: new File([await excerpt("long-en.wav", 40)], "talk.wav"),
    model: "whisper-1",
    response_format: "verbose_json",
    timestamp_granularities: ["segment"],
    temperature: 0,
  });
  assertEquals(answer.language, "english");
  assertEquals(answer.duration, 40);
  assertEquals(answer.usage, { type: "duration", seconds: 40 });
  const { segments = [] } = answer;
  assert(segments.length > 8, `${segments.length} segments`);
  assertEquals(segments.map(({ text }) => text).join(" "), answer.text);
  for (const [index, segment] of segments.entries()) {
    assertEquals(segment.id, index);
    assert(segment.start < segment.end && segment.end <= 40, `${segment.start} to ${segment.end}`);
    assert(segment.start >= (segments[index - 1]?.end ?? 0) - 0.01);
    assert(segment.seek <= segment.start * 100 + 1);
    assertEquals(segment.temperature, 0);
    assert(segment.compression_ratio > 0.3 && segment.compression_ratio < 3);
    assert(segment.tokens.length >= segment.text.split(" ").length);
    assert(segment.avg_logprob < 0 && segment.avg_logprob > -1, `${segment.avg_logprob}`);
    assert(segment.no_speech_prob >= 0 && segment.no_speech_prob < 0.5, `${segment.no_speech_prob}`);
  }
});

Deno.test("OpenAI's client gets the time of every word", async () => {
  await using server = await start();
  const answer = await client(server).audio.transcriptions.create({
    file: await fileOf(NAME),
    model: "whisper-1",
    response_format: "verbose_json",
    timestamp_granularities: ["word", "segment"],
  });
  const words = answer.words ?? [];
  assertEquals(words.map(({ word }) => word).join(" "), answer.text);
  for (const [index, { start, end }] of words.entries()) {
    assert(start >= (words[index - 1]?.end ?? 0) && end > start && end <= answer.duration);
  }
  assertEquals([answer.segments![0]!.start, answer.segments!.at(-1)!.end], [
    words[0]!.start,
    words.at(-1)!.end,
  ]);
  const plain = await client(server).audio.transcriptions.create({
    file: await fileOf(NAME),
    model: "whisper-1",
    response_format: "verbose_json",
  });
  assertEquals(plain.words, undefined);
});

Deno.test("OpenAI's client streams deltas that add up to the text, then usage", async () => {
  await using server = await start();
  for (const response_format of ["json", "text"] as const) {
    const stream = await client(server).audio.transcriptions.create({
      file: await fileOf(NAME),
      model: "gpt-4o-mini-transcribe",
      response_format,
      stream: true,
    });
    const types: string[] = [];
    let deltas = "";
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === "transcript.text.delta") deltas += event.delta;
      if (event.type !== "transcript.text.done") continue;
      assertEquals(event.text, TEXT);
      assertEquals(event.usage?.input_token_details?.audio_tokens, 38);
    }
    assertEquals(deltas, TEXT);
    assert(types.length > 4, "more than one delta");
    assertEquals(types.lastIndexOf("transcript.text.delta"), types.length - 2);
  }
});

Deno.test("OpenAI's client is heard when it names the language and the vocabulary", async () => {
  await using server = await start();
  const texts = await references();
  for (const language of ["de", "German", "de-AT"]) {
    const answer = await client(server).audio.transcriptions.create({
      file: await fileOf("dev-02-de.wav"),
      model: "whisper-1",
      language,
      prompt: "Alltag",
      chunking_strategy: "auto",
      response_format: "verbose_json",
    });
    assertEquals(answer.text, texts.get("dev-02-de.wav"));
    assertEquals(answer.language, "german");
  }
});

Deno.test("OpenAI's client tunes voice activity by its own names, and vad: off hears everything", async () => {
  await using server = await start();
  const { transcriptions } = client(server).audio;
  const request = { file: await fileOf(NAME), model: "whisper-1", response_format: "verbose_json" } as const;
  const startWith = async (prefix_padding_ms: number) => {
    const tuned = {
      type: "server_vad",
      threshold: 0.5,
      silence_duration_ms: 200,
      prefix_padding_ms,
    } as const;
    const { segments } = await transcriptions.create({ ...request, chunking_strategy: tuned });
    return segments![0]!.start;
  };
  const [bare, padded] = [await startWith(0), await startWith(200)];
  assert(Math.abs(bare - padded - 0.2) < 0.01, `${bare} and ${padded}`);
  const { text, segments } = await transcriptions.create({ ...request, ...{ vad: "off" } });
  assertEquals(text, (await references()).get(NAME));
  assertEquals(segments![0]!.start, 0);
  // As whisper.cpp's clients say it.
  const { segments: same } = await transcriptions.create({ ...request, ...{ vad: false } });
  assertEquals(same![0]!.start, 0);
});

Deno.test("OpenAI's client gets the log probability of every token of the text", async () => {
  await using server = await start();
  const { transcriptions } = client(server).audio;
  const file = await fileOf(NAME);
  const answer = await transcriptions.create({ file, model: "gpt-4o-transcribe", include: ["logprobs"] });
  const tokens = answer.logprobs ?? [];
  assertEquals(tokens.map(({ token }) => token).join("").trim(), answer.text);
  const bytes = tokens.flatMap(({ bytes }) => bytes ?? []);
  assertEquals(new TextDecoder().decode(Uint8Array.from(bytes)).trim(), answer.text);
  assert(tokens.every(({ logprob }) => logprob! <= 0 && logprob! > -20));
  assertEquals((await transcriptions.create({ file, model: "gpt-4o-transcribe" })).logprobs, undefined);
});

Deno.test("OpenAI's client gets its own error classes, with the parameter that is to blame", async () => {
  await using server = await start();
  const { transcriptions } = client(server).audio;
  const file = await fileOf(NAME);
  const refused = async (body: object, param: string, code: string) => {
    const error = await assertRejects(
      () => transcriptions.create({ file, model: "whisper-1", ...body }),
      OpenAI.BadRequestError,
    );
    assertEquals([error.param, error.code, error.type], [param, code, "invalid_request_error"]);
    assert(error.requestID);
  };
  await refused({ language: "xx-nowhere" }, "language", "unknown_language");
  await refused({ temperature: 1.5 }, "temperature", "invalid_value");
  await refused({ include: ["tea"] }, "include", "invalid_value");
  await refused({ include: ["logprobs"], response_format: "verbose_json" }, "include", "not_supported");
  await refused({ include: ["logprobs"], stream: true }, "include", "not_supported");
  await refused({ response_format: "diarized_json" }, "response_format", "not_supported");
  await refused({ known_speaker_names: ["agent"] }, "known_speaker_names", "not_supported");
  await refused(
    { chunking_strategy: { type: "server_vad", threshold: 1.4 } },
    "chunking_strategy",
    "invalid_value",
  );
  await refused(
    { chunking_strategy: { type: "server_vad", eagerness: "high" } },
    "chunking_strategy",
    "unknown_parameter",
  );
  await refused({ vad: "maybe" }, "vad", "invalid_value");
  await refused({ vad: "off", chunking_strategy: { type: "server_vad" } }, "vad", "invalid_value");
  await refused({ timestamp_granularities: ["word"] }, "timestamp_granularities", "invalid_value");
  await refused({ timestamp_granularities: ["letter"] }, "timestamp_granularities", "invalid_value");
  await refused({ response_format: "srt", stream: true }, "stream", "invalid_value");
  await refused({ file: new File(["no audio at all"], "a.mp3") }, "file", "invalid_audio");
  const unknown = await assertRejects(
    () => transcriptions.create({ file, model: "gpt-9" }),
    OpenAI.NotFoundError,
  );
  assertEquals([unknown.param, unknown.code], ["model", "model_not_found"]);
});

Deno.test("OpenAI's client is told that there are no translations", async () => {
  await using server = await start();
  const error = await assertRejects(
    async () => client(server).audio.translations.create({ file: await fileOf(NAME), model: "whisper-1" }),
    OpenAI.BadRequestError,
  );
  assertMatch(error.message, /does not translate/);
});

Deno.test("OpenAI's client lists the models, and finds each of them", async () => {
  await using server = await start();
  const ids: string[] = [];
  for await (const { id, object } of client(server).models.list()) {
    assertEquals(object, "model");
    ids.push(id);
  }
  assertEquals(ids, ["demo", ...OPENAI_MODELS]);
  assert(OPENAI_MODELS.includes("whisper-1") && OPENAI_MODELS.includes("gpt-4o-transcribe"));
  assertEquals((await client(server).models.retrieve("demo")).id, "demo");
  await assertRejects(() => client(server).models.retrieve("gpt-9"), OpenAI.NotFoundError);
});

Deno.test("OpenAI's client needs one of the keys", async () => {
  await using server = await start({ apiKeys: ["first-key", "second-key"] });
  for (const key of ["first-key", "second-key"]) {
    const { text } = await client(server, key).audio.transcriptions.create({
      file: await fileOf(NAME),
      model: "demo",
    });
    assertEquals(text, TEXT);
  }
  for (const key of ["first-ke", "first-key2", "FIRST-KEY", "third-key"]) {
    const error = await assertRejects(() => client(server, key).models.list(), OpenAI.AuthenticationError);
    assertEquals(error.code, "invalid_api_key");
  }
});

Deno.test("OpenAI's client sends any of the formats", async () => {
  await using server = await start();
  const FORMATS: Record<string, string[]> = {
    "flac": ["-c:a", "flac"],
    "mp3": ["-c:a", "libmp3lame", "-b:a", "128k"],
    "m4a": ["-c:a", "aac", "-b:a", "128k"],
    "mp4": ["-c:a", "aac", "-b:a", "128k"],
    "ogg": ["-c:a", "libvorbis", "-q:a", "6"],
    "opus": ["-c:a", "libopus", "-b:a", "64k"],
    "webm": ["-c:a", "libopus", "-b:a", "64k"],
    "mpga": ["-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3"],
    "mpeg": ["-c:a", "mp2", "-b:a", "96k", "-f", "mpeg"],
  };
  const folder = await Deno.makeTempDir();
  try {
    for (const [extension, args] of Object.entries(FORMATS)) {
      const path = `${folder}/speech.${extension}`;
      const { success, stderr } = await new Deno.Command("ffmpeg", {
        args: ["-loglevel", "error", "-i", recording(NAME), ...args, path],
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      const { text } = await client(server).audio.transcriptions.create({
        file: new File([await Deno.readFile(path)], `speech.${extension}`),
        model: "whisper-1",
      });
      assertEquals([extension, text], [extension, TEXT]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
