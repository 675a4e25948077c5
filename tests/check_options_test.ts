/**
 * Options that cannot be honoured are refused by whoever takes them: the library's calls, the command line, the server.
 *
 * @module
 */
import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { readArguments } from "../lib/cli/arguments.ts";
import { COMMAND_OPTIONS } from "../lib/cli/option_specs.ts";
import { downloadModel } from "../lib/hub/mod.ts";
import { HttpError } from "../lib/server/http_error.ts";
import { createHandler, serve } from "../lib/server/mod.ts";
import { parseParameters } from "../lib/server/parameters.ts";
import { ForcedAligner, formatTranscript, loadAudio, OptionError, Qwen3ASR } from "../mod.ts";
import { transcriptOf } from "./support/output_samples.ts";

/** The error of a call that types would not allow. */
async function refusal(call: (options: never) => unknown, options: unknown): Promise<OptionError> {
  return await assertRejects(async () => await call(options as never), OptionError);
}

const second = new Float32Array(16_000);

Deno.test("transcribe() refuses what it does not know, and says what was meant", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const transcribe = (options: never) => asr.transcribeSamples(second, options);
  const cases: [options: unknown, option: string | undefined, message: RegExp][] = [
    [{ lang: "de" }, "lang", /^Unknown option "lang": did you mean "language"\?$/],
    [{ langauge: "de" }, "langauge", /did you mean "language"\?/],
    [{ clip: "0:01-0:02" }, "clip", /^Unknown option "clip": did you mean "range"\?$/],
    [{ prompt: "names" }, "prompt", /did you mean "context"\?/],
    [{ temperature: 0.5 }, "temperature", /did you mean "sampling\.temperature"\?/],
    [{ sampling: { temprature: 0.5 } }, "sampling.temprature", /did you mean "sampling\.temperature"\?/],
    [
      { range: "0:01-0:02" },
      "range",
      /range "0:01-0:02": it must be an object with startSeconds, endSeconds\.$/,
    ],
    [{ range: { from: 1 } }, "range.from", /there are range\.startSeconds, range\.endSeconds\.$/],
    [{ hotwords: "x" }, "hotwords", /^Cannot use hotwords "x": it must be a list of texts\.$/],
    [{ hotwords: [1] }, "hotwords", /hotwords \[1\]: it must be a list of texts/],
    [{ language: null }, "language", /^Cannot use language null: it must be a text\.$/],
    [{ languages: "de,en" }, "languages", /languages "de,en": it must be a list of texts/],
    [{ rescue: "no" }, "rescue", /it must be true or false/],
    [{ signal: {} }, "signal", /signal \{\}: it must be an AbortSignal/],
    [{ onProgress: true }, "onProgress", /it must be a function/],
    [{ batchSize: "4" }, "batchSize", /batchSize "4": it must be a whole number from 1/],
    [{ context: "x".repeat(1000), chunkSeconds: "x".repeat(1000) }, "chunkSeconds", /^.{0,140}$/],
    [null, undefined, /^Cannot use the options null: they must be an object, or left out\.$/],
    ["de", undefined, /the options "de": they must be an object/],
    [[], undefined, /the options \[\]: they must be an object/],
  ];
  for (const [options, option, message] of cases) {
    const error = await refusal(transcribe, options);
    assertMatch(error.message, message);
    assertEquals(error.option, option, error.message);
  }
  const stream = async (options: never) => {
    for await (const _ of asr.stream(second, options));
  };
  for (const call of [stream, (options: never) => asr.inspect(second, options)]) {
    assertMatch((await refusal(call, { lang: "de" })).message, /did you mean "language"/);
  }
  assertMatch((await refusal((options) => asr.live(options), { chunkSeconds: 3 })).message, /chunkSeconds/);
  for (const source of [null, undefined, 3]) {
    assertMatch(
      (await refusal((given) => asr.transcribe(given), source)).message,
      /it must be a path, a URL/,
    );
  }
});

Deno.test("every public call refuses unknown options before it does anything", async () => {
  const transcript = transcriptOf([]);
  const calls: [call: (options: never) => unknown, options: unknown, message: RegExp][] = [
    [(options) => Qwen3ASR.load("nowhere", options), { devcie: "cpu" }, /did you mean "device"/],
    [(options) => Qwen3ASR.load("nowhere", options), { device: "tpu" }, /one of "auto", "cpu", "gpu"/],
    [(options) => ForcedAligner.load("nowhere", options), { downlod: true }, /"download"/],
    [(options) => loadAudio("nowhere.wav", options), { decoder: "sox" }, /one of "auto", "ffmpeg"/],
    [(options) => loadAudio("nowhere.wav", options), { maxSeconds: 3 }, /"maxSeconds"/],
    [(options) => formatTranscript(transcript, "srt", options), { maxColums: 9 }, /"maxColumns"/],
    [(format) => formatTranscript(transcript, format), "str", /Did you mean "srt"/],
    [(options) => downloadModel("0.6b", options), { onProgres: () => {} }, /"onProgress"/],
    [(options) => createHandler(() => Qwen3ASR.load("demo"), options), { apiKey: "x" }, /"apiKeys"/],
    [(options) => serve(options), { prot: 1 }, /"port"/],
    [(options) => serve(options), { port: 99_999 }, /port 99999: it must be a whole number from 0 to 65535/],
    [(options) => serve(options), { model: "demo", load: { device: 1 } }, /load\.device 1/],
  ];
  for (const [call, options, message] of calls) {
    assertMatch((await refusal(call, options)).message, message);
  }
});

Deno.test("the command line and the server name what was meant, by the same rules", async () => {
  const specs = COMMAND_OPTIONS.transcribe;
  for (const [given, meant] of [["--lang", "language"], ["--prompt", "context"], ["--out", "output-dir"]]) {
    const error = await refusal(() => readArguments([given!, "x"], specs), undefined);
    assertMatch(error.message, new RegExp(`did you mean --${meant}\\?`));
  }
  const error = assertThrows(() => parseParameters([{ name: "lang", value: "de" }]), HttpError);
  assertEquals([error.status, error.message], [
    400,
    "Unknown parameter: 'lang'. Did you mean 'language'?",
  ]);
});
