import { assert, assertEquals, assertMatch } from "@std/assert";
import { settle } from "./support/scripted_live.ts";
import { openSession as open } from "./support/realtime_session.ts";

Deno.test("a session greets with what it is, unasked", () => {
  const { session, sent } = open();
  session.start();
  const [{ type, event_id, session: shown }] = sent;
  assertEquals(type, "session.created");
  assertMatch(event_id, /^event_\w{24}$/);
  assertMatch(shown.id, /^sess_\w{24}$/);
  assertEquals(shown, {
    type: "transcription",
    id: shown.id,
    object: "realtime.transcription_session",
    audio: {
      input: {
        format: { type: "audio/pcm", rate: 24_000 },
        noise_reduction: null,
        transcription: { model: "qwen", language: null, prompt: "" },
        turn_detection: {
          type: "server_vad",
          threshold: 0.5,
          prefix_padding_ms: 300,
          silence_duration_ms: 500,
          idle_timeout_ms: null,
        },
      },
    },
    include: null,
    expires_at: 4_000_000_000,
  });
});

Deno.test("an update changes what it names, and null clears", () => {
  const { update } = open();
  const transcription = {
    model: "gpt-4o-transcribe",
    language: "de",
    prompt: "Tee",
    keywords: ["Assam"],
    delay: "low",
  };
  const { session: first } = update(
    { transcription, turn_detection: { type: "server_vad", threshold: 0.6 } },
    { include: ["item.input_audio_transcription.logprobs"] },
  );
  assertEquals(first.audio.input.transcription, transcription);
  assertEquals(first.audio.input.turn_detection.threshold, 0.6);
  assertEquals(first.include, ["item.input_audio_transcription.logprobs"]);
  const { session: second } = update({
    format: { type: "audio/pcmu" },
    transcription: { languages: ["de", "fr"], keywords: [] },
    turn_detection: { type: "server_vad", silence_duration_ms: 350 },
    noise_reduction: null,
  });
  const { prompt, model, delay } = transcription;
  assertEquals(second.audio.input.transcription, {
    model,
    language: null,
    languages: ["de", "fr"],
    prompt,
    delay,
  });
  assertEquals(second.audio.input.turn_detection.threshold, 0.6);
  assertEquals(second.audio.input.turn_detection.silence_duration_ms, 350);
  assertEquals(second.audio.input.format, { type: "audio/pcmu" });
  assertEquals(update({ turn_detection: null }).session.audio.input.turn_detection, null);
});

Deno.test("semantic_vad becomes pauses of a length that goes with its eagerness, and is shown so", () => {
  const { update } = open();
  for (
    const [eagerness, silence] of [["low", 2000], ["medium", 1000], ["high", 500], ["auto", 1000], [
      undefined,
      1000,
    ]]
  ) {
    const { session } = update({
      turn_detection: { type: "semantic_vad", eagerness, create_response: false, interrupt_response: false },
    });
    const { type, silence_duration_ms } = session.audio.input.turn_detection;
    assertEquals([type, silence_duration_ms], ["server_vad", silence]);
  }
});

Deno.test("models of OpenAI's without voice activity leave the end of a turn to the client, unless it says otherwise", () => {
  const { update } = open();
  const live = { model: "gpt-live-transcribe", languages: ["en"], keywords: [] };
  assertEquals(update({ transcription: live }).session.audio.input.turn_detection, null);
  const vad = { type: "server_vad" };
  assertEquals(update({ turn_detection: vad }).session.audio.input.turn_detection.type, "server_vad");
});

Deno.test("what an update asks for reaches the live stream", async () => {
  const { update, append, model } = open();
  update({
    format: { type: "audio/pcm", rate: 48_000 },
    transcription: { language: "german", prompt: "Tee", keywords: ["Assam"], delay: "xhigh" },
    turn_detection: { type: "server_vad", threshold: 1, prefix_padding_ms: 600, silence_duration_ms: 350 },
  });
  append(1, 48_000);
  await settle();
  const [stream] = model.streams;
  assertEquals(stream?.options, {
    language: "German",
    languages: undefined,
    context: "Tee",
    hotwords: ["Assam"],
    stepSeconds: 4,
    vad: { threshold: 0.99, minSilenceSeconds: 0.35, speechPadSeconds: 0.6 },
    logprobs: false,
  });
  assertEquals([[...stream!.rates], stream!.samples], [[48_000], 48_000]);
});

Deno.test("other settings are heard from the next turn on", async () => {
  const { update, append, model } = open();
  append(1);
  await settle();
  update({ transcription: { language: "de" } });
  append(1);
  await settle();
  assertEquals(model.streams.map(({ options, samples }) => [options.language, samples]), [
    [undefined, 24_000],
    ["German", 24_000],
  ]);
  model.streams[1]!.say({ type: "speech-start" });
  await settle();
  update({ transcription: { language: "fr" } });
  append(1);
  assertEquals(model.streams[1]!.samples, 48_000, "in the middle of a turn nothing changes");
  model.streams[1]!.say({ type: "speech-end" });
  await settle();
  append(1);
  await settle();
  assertEquals(model.streams[2]?.options.language, "French");
  // The same once more is no change.
  update({ transcription: { language: "fr" } });
  append(1);
  await settle();
  assertEquals(model.streams.length, 3);
});

Deno.test("the format stays in the middle of a turn", () => {
  const { update, append } = open();
  update({ turn_detection: null });
  append(1);
  assertEquals(update({ format: { type: "audio/pcma" } }).error.code, "invalid_state");
});

Deno.test("what is no event of a transcription session is refused with a code, and the session goes on", () => {
  const { say, update, sent } = open();
  const refused = (event: object | string, code: string, param: string | null) => {
    const { type, error } = say(event);
    assertEquals([type, error.code, error.param], ["error", code, param]);
    assert(error.message.length > 10);
    return error;
  };
  refused("", "invalid_event", null);
  refused("{", "invalid_event", null);
  refused("[]", "invalid_event", null);
  refused("null", "invalid_event", null);
  refused({}, "invalid_value", "type");
  refused({ type: 3 }, "invalid_value", "type");
  refused({ type: "tea" }, "unknown_event", "type");
  refused({ type: "transcription_session.update", session: {} }, "unknown_event", "type");
  for (
    const type of [
      "response.create",
      "conversation.item.create",
      "conversation.item.delete",
      "output_audio_buffer.clear",
    ]
  ) {
    refused({ type }, "not_supported", "type");
  }
  refused({ type: "input_audio_buffer.append" }, "missing_required_parameter", "audio");
  refused({ type: "input_audio_buffer.append", audio: 3 }, "invalid_value", "audio");
  refused({ type: "input_audio_buffer.append", audio: "ä" }, "invalid_audio", "audio");
  refused({ type: "input_audio_buffer.append", audio: "AAA", more: 1 }, "unknown_parameter", "more");
  refused({ type: "session.update" }, "missing_required_parameter", "session");
  refused({ type: "session.update", session: [] }, "invalid_value", "session");
  const error = refused({ type: "tea", event_id: "e1" }, "unknown_event", "type");
  assertEquals(error.event_id, "e1");
  const input = (input: object, code: string, path: string) => {
    const { error } = update(input);
    assertEquals([error?.code, error?.param], [code, `session.audio.input.${path}`]);
  };
  input({ tea: 1 }, "unknown_parameter", "tea");
  input({ format: "pcm16" }, "invalid_value", "format");
  input({ format: { type: "audio/mp3" } }, "invalid_value", "format.type");
  input({ format: { type: "audio/pcm", rate: 44_100 } }, "invalid_value", "format.rate");
  input({ noise_reduction: { type: "near_field" } }, "not_supported", "noise_reduction");
  input({ transcription: { model: "gpt-9" } }, "model_not_found", "transcription.model");
  input({ transcription: { language: "xx-nowhere" } }, "unknown_language", "transcription.language");
  input({ transcription: { languages: ["en", "tea"] } }, "unknown_language", "transcription.languages");
  input({ transcription: { language: "en", languages: ["en"] } }, "invalid_value", "transcription.languages");
  input({ transcription: { prompt: "x".repeat(20_000) } }, "invalid_value", "transcription.prompt");
  input({ transcription: { keywords: "tea" } }, "invalid_value", "transcription.keywords");
  input({ transcription: { delay: "soon" } }, "invalid_value", "transcription.delay");
  input({ turn_detection: { type: "tea" } }, "invalid_value", "turn_detection.type");
  input(
    { turn_detection: { type: "server_vad", threshold: 1.5 } },
    "invalid_value",
    "turn_detection.threshold",
  );
  input(
    { turn_detection: { type: "server_vad", eagerness: "low" } },
    "unknown_parameter",
    "turn_detection.eagerness",
  );
  input(
    { turn_detection: { type: "semantic_vad", eagerness: "now" } },
    "invalid_value",
    "turn_detection.eagerness",
  );
  const session = (session: object, code: string, param: string) => {
    const { error } = say({ type: "session.update", session });
    assertEquals([error.code, error.param], [code, param]);
  };
  session({ type: "realtime" }, "not_supported", "session.type");
  session({ type: "transcription", include: ["tea"] }, "invalid_value", "session.include");
  session({ type: "transcription", instructions: "Sing" }, "unknown_parameter", "session.instructions");
  // Nothing of a refused update counts.
  update({ transcription: { language: "de" }, turn_detection: { type: "tea" } });
  assertEquals(update({}).session.audio.input.transcription.language, null);
  assertEquals(sent.at(-1).type, "session.updated");
});
