import { assert, assertEquals, assertMatch } from "@std/assert";
import { OptionError } from "../mod.ts";
import { ScriptedModel, settle } from "./support/scripted_live.ts";
import { openSession as open } from "./support/realtime_session.ts";

const CLEAR = { type: "input_audio_buffer.clear" };
const COMMIT = { type: "input_audio_buffer.commit" };
const COMMITTED = ["input_audio_buffer.committed", "item.added", "item.done"];
const STARTED = "input_audio_buffer.speech_started";
const STOPPED = "input_audio_buffer.speech_stopped";
const DELTA = "item.input_audio_transcription.delta";
const COMPLETED = "item.input_audio_transcription.completed";
const FAILED = "item.input_audio_transcription.failed";

Deno.test("a turn by voice activity: started, deltas, stopped, committed, the item, completed", async () => {
  const { append, types, sent, model, results } = open();
  append(2);
  await settle();
  const [stream] = model.streams;
  stream!.say(
    { type: "speech-start", startSeconds: 0.25 },
    { type: "tentative", text: "Good day" },
    { type: "committed", text: "Good" },
    { type: "committed", text: " morning" },
    { type: "speech-end", startSeconds: 0.25, endSeconds: 1.75 },
    { type: "committed", text: "." },
    { type: "final", startSeconds: 0.25, endSeconds: 1.75, text: "Good morning.", language: "English" },
  );
  stream!.say({ utterance: 1, type: "speech-start", startSeconds: 2 }, { utterance: 1, type: "speech-end" });
  await settle();
  const events = [...sent];
  assertEquals(types(), [
    STARTED,
    DELTA,
    DELTA,
    STOPPED,
    ...COMMITTED,
    DELTA,
    COMPLETED,
    STARTED,
    STOPPED,
    ...COMMITTED,
  ]);
  const id = events[0].item_id;
  assertMatch(id, /^item_\w{24}$/);
  assertEquals([events[0].audio_start_ms, events[3].audio_end_ms], [250, 1750]);
  assertEquals([events[4].item_id, events[4].previous_item_id], [id, null]);
  assertEquals(events[5].item.content, [{ type: "input_audio", transcript: null }]);
  assertEquals([1, 2, 7].map((at) => events[at].delta).join(""), "Good morning.");
  const { event_id: _, ...completed } = events[8];
  assertEquals(completed, {
    type: "conversation.item.input_audio_transcription.completed",
    item_id: id,
    content_index: 0,
    transcript: "Good morning.",
    usage: { type: "duration", seconds: 1.5 },
    languages: [{ code: "en" }],
  });
  assertEquals(events.at(-1).previous_item_id, id);
  assertEquals(new Set(events.map(({ event_id }) => event_id)).size, events.length);
  assertEquals(results, ["completed"]);
});

Deno.test("log probabilities and tentative text come to those who ask for them", async () => {
  const { update, append, sent, model } = open();
  update({}, { include: ["item.input_audio_transcription.logprobs", "qwen3_asr.tentative"] });
  append(1);
  await settle();
  assertEquals(model.streams[0]!.options.logprobs, true);
  const logprobs = [{ id: 7, token: "Tea", bytes: [84, 101, 97], logprob: -0.5 }];
  model.streams[0]!.say(
    { type: "speech-start" },
    { type: "committed", text: "Tea", logprobs },
    { type: "tentative", text: " time" },
    { type: "final", text: "Tea", logprobs },
  );
  await settle();
  const entries = [{ token: "Tea", bytes: [84, 101, 97], logprob: -0.5 }];
  const [delta, tentative, completed] = ["delta", "tentative", "completed"].map((end) =>
    sent.find(({ type }) => type.endsWith(end))
  );
  assertEquals([delta.logprobs, completed.logprobs, tentative.text], [entries, entries, " time"]);
});

Deno.test("without turn detection everything between two commits is one item", async () => {
  const { update, append, say, types, sent, model } = open();
  update({ turn_detection: null });
  append(2);
  await settle();
  model.streams[0]!.say(
    { type: "speech-start" },
    { type: "committed", text: "One" },
    { type: "committed", text: " tea." },
    { type: "speech-end" },
    { utterance: 1, type: "speech-start" },
    { utterance: 1, type: "committed", text: "Two." },
  );
  await settle();
  assertEquals(types(), ["session.updated", DELTA, DELTA, DELTA]);
  model.streams[0]!.onEnd = () => {};
  say(COMMIT);
  append(1);
  assertEquals(types(), COMMITTED);
  await settle();
  model.streams[1]!.say({ type: "committed", text: "Three." });
  model.streams[0]!.say({ type: "final", text: "One tea." }, { utterance: 1, type: "final", text: "Two." });
  model.streams[0]!.done();
  await settle();
  const [completed, delta] = sent.splice(0);
  assertEquals([completed.transcript, completed.usage.seconds], ["One tea. Two.", 2]);
  assertEquals(delta.delta, "Three.");
  say(COMMIT);
  assertEquals(sent[0].previous_item_id, completed.item_id);
  assertEquals(sent[0].item_id, delta.item_id);
});

Deno.test("deltas of several utterances add up to a text with blanks where the script has some", async () => {
  const { update, append, sent, model } = open();
  update({ turn_detection: null });
  append(1);
  await settle();
  const of = (utterance: number, text: string) => ({ utterance, type: "committed" as const, text });
  model.streams[0]!.say(
    of(0, "Hello"),
    of(0, " you."),
    of(1, " And"),
    of(1, " me"),
    of(2, "今天"),
    of(3, "很好。"),
    of(4, "走吧"),
  );
  await settle();
  const text = sent.filter(({ delta }) => delta !== undefined).map(({ delta }) => delta).join("");
  assertEquals(text, "Hello you. And me 今天很好。走吧");
});

Deno.test("a commit of less than 100 ms is an error that echoes the event's id", async () => {
  for (const turn_detection of [null, { type: "server_vad" }]) {
    const { update, append, say, sent } = open();
    update({ turn_detection });
    append(0.05);
    say({ ...COMMIT, event_id: "mine" });
    await settle();
    const { error } = sent.at(-1);
    assertEquals([error.type, error.code, error.event_id], [
      "invalid_request_error",
      "input_audio_buffer_commit_empty",
      "mine",
    ]);
    assertMatch(error.message, /buffer only has 50\.00ms of audio/);
  }
});

Deno.test("a commit by voice activity ends what is being said", async () => {
  const { append, say, types, sent, model } = open();
  append(1);
  await settle();
  const [stream] = model.streams;
  stream!.onEnd = () => {
    stream!.say({ type: "speech-end" }, { type: "final", text: "Yes." });
    stream!.done();
  };
  stream!.say({ type: "speech-start" });
  await settle();
  // As the Agents SDK ends: it waits for `cleared`, and for the text of every committed item.
  say({ ...COMMIT, event_id: "last" });
  say(CLEAR);
  assert(!sent.some(({ type }) => type === "input_audio_buffer.cleared"));
  await settle();
  assertEquals(types(), [STARTED, STOPPED, ...COMMITTED, COMPLETED, "input_audio_buffer.cleared"]);
  append(1);
  await settle();
  assertEquals([model.streams.length, model.released, stream!.isDisposed], [2, 1, true]);
});

Deno.test("a commit of sound without speech is an item without text", async () => {
  const { append, say, types, sent } = open();
  append(1);
  await settle();
  say(COMMIT);
  await settle();
  assertEquals([sent.at(-1).transcript, sent.at(-1).usage], ["", { type: "duration", seconds: 1 }]);
  assertEquals(types(), [...COMMITTED, COMPLETED]);
});

Deno.test("clear forgets what is not committed, and nothing else", async () => {
  const { update, append, say, types, model } = open();
  append(1);
  await settle();
  model.streams[0]!.say({ type: "speech-start" }, { type: "speech-end" }, {
    utterance: 1,
    type: "speech-start",
  });
  await settle();
  types();
  say(CLEAR);
  assertEquals(types(), ["input_audio_buffer.cleared"]);
  model.streams[0]!.say(
    { type: "final", text: "Kept." },
    { utterance: 1, type: "committed", text: "Gone" },
    { utterance: 1, type: "final", text: "Gone." },
  );
  await settle();
  assertEquals(types(), [COMPLETED]);
  assertEquals(model.streams[0]!.calls, ["push", "clear"]);
  update({ turn_detection: null });
  append(1);
  await settle();
  say(CLEAR);
  await settle();
  assert(model.streams[1]!.isDisposed);
  say(COMMIT);
  assertEquals(types(), ["session.updated", "input_audio_buffer.cleared", "error"]);
});

Deno.test("the times of a later stream go on from those before", async () => {
  const { append, say, sent, model } = open();
  append(2);
  await settle();
  say(COMMIT);
  append(2);
  await settle();
  model.streams[1]!.say({ type: "speech-start", startSeconds: 0.5 });
  await settle();
  assertEquals(sent.at(-1).audio_start_ms, 2500);
});

Deno.test("sound without speech for the idle timeout is a turn of its own", async () => {
  const { update, append, sent, types, model } = open();
  update({ turn_detection: { type: "server_vad", idle_timeout_ms: 5000 } });
  append(4);
  await settle();
  model.streams[0]!.say({ type: "speech-start" }, { type: "speech-end", endSeconds: 1.5 }, {
    type: "final",
    text: "a",
  });
  await settle();
  append(2);
  types();
  append(0.5);
  const [triggered] = sent;
  assertEquals([triggered.audio_start_ms, triggered.audio_end_ms], [1500, 6500]);
  assertEquals(types(), ["input_audio_buffer.timeout_triggered", ...COMMITTED, COMPLETED]);
  append(4.9);
  assertEquals(types(), []);
});

Deno.test("more sound than is kept is refused, and nothing of it taken", async () => {
  const { append, sent, model, session } = open(new ScriptedModel(), { bufferSeconds: 10 });
  model.onOpen = (stream) => stream.lagSeconds = 8;
  append(1);
  await settle();
  append(3);
  assertEquals(sent.at(-1).error.code, "buffer_overflow");
  assertEquals([session.pushedSeconds, model.streams[0]!.samples], [1, 24_000]);
  append(2);
  assertEquals(session.pushedSeconds, 3);
});

Deno.test("a stream that cannot be opened: an error by voice activity, a failed item without", async () => {
  const refusing = new ScriptedModel();
  const open_ = () => Promise.reject(new OptionError("context is too long.", { option: "context" }));
  const voice = open(Object.assign(refusing, { open: open_ }));
  voice.append(1);
  await settle();
  assertEquals(voice.sent.at(-1).error.param, "session.audio.input.transcription.prompt");
  assertEquals(voice.broken(), 1);
  const manual = open(Object.assign(new ScriptedModel(), { open: open_ }));
  manual.update({ turn_detection: null });
  manual.append(1);
  await settle();
  manual.say(COMMIT);
  await settle();
  assertEquals(manual.types(), ["session.updated", ...COMMITTED, FAILED]);
});

Deno.test("hearing that fails: committed items say so", async () => {
  const { append, types, sent, model, broken } = open();
  append(1);
  await settle();
  model.streams[0]!.say({ type: "speech-start" }, { type: "speech-end" });
  model.streams[0]!.fail(new Error("secret inside"));
  await settle();
  const failed = sent.find(({ type }) => type.endsWith("failed"));
  assertEquals(failed.error.code, "internal_error");
  assert(!JSON.stringify(sent).includes("secret"));
  assertEquals(types(), [STARTED, STOPPED, ...COMMITTED, FAILED, "error"]);
  assertEquals(broken(), 1);
});

Deno.test("an empty text with a warning is a failure, a text with one is a text with one", async () => {
  const { append, sent, model } = open();
  append(1);
  await settle();
  model.streams[0]!.say(
    { type: "speech-start" },
    { type: "final", warning: "It could not be decoded." },
    { utterance: 1, type: "speech-start" },
    { utterance: 1, type: "final", text: "Maybe.", warning: "It is doubtful." },
  );
  await settle();
  assertEquals(sent.find(({ type }) => type.endsWith("failed")).error.message, "It could not be decoded.");
  assertEquals(sent.at(-1).warnings, ["It is doubtful."]);
});

Deno.test("a session that finishes hears what is there, and one that closes gives everything back", async () => {
  const { session, append, sent, model } = open();
  append(1);
  await settle();
  const [stream] = model.streams;
  stream!.onEnd = () => {
    stream!.say({ type: "speech-start" }, { type: "final", text: "Bye." });
    stream!.done();
  };
  await session.finish();
  assertEquals(sent.at(-1).transcript, "Bye.");
  append(1);
  await settle();
  const count = sent.length;
  await session.close();
  assertEquals([model.released, model.streams.every(({ isDisposed }) => isDisposed)], [2, true]);
  model.streams[1]!.say({ type: "speech-start" });
  await settle();
  assertEquals(sent.length, count);
});

Deno.test("a session without sound opens nothing, and one that rests lets go", async () => {
  const { session, update, append, model } = open();
  session.start();
  update({ transcription: { language: "en" } });
  await settle();
  assertEquals(model.streams.length, 0);
  append(1);
  await settle();
  session.rest();
  await settle();
  assertEquals(model.released, 1);
  append(1);
  await settle();
  model.streams[1]!.say({ type: "speech-start" });
  await settle();
  session.rest();
  await settle();
  assertEquals(model.released, 1, "not while somebody speaks");
});
