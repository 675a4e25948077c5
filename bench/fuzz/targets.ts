/**
 * What is fuzzed: each parser with valid inputs and the errors it may give. Anything else it throws is a finding.
 *
 * @module
 */
import { join } from "@std/path";
import { readSafetensorsHeader, SafetensorsError } from "../../ffi/mod.ts";
import { containerOf, needsSeeking } from "../../lib/audio/container.ts";
import { loadAudio, type LoadAudioOptions } from "../../lib/audio/load.ts";
import { encodeWav, type WavOptions } from "../../lib/audio/wav.ts";
import { parseRange } from "../../lib/cli/clock.ts";
import { fileInput } from "../../lib/cli/inputs.ts";
import { Journal, JOURNAL_FILE } from "../../lib/cli/journal.ts";
import { Qwen3ASRError } from "../../lib/errors.ts";
import { HubClient } from "../../lib/hub/hub_client.ts";
import { parseModelName } from "../../lib/hub/names.ts";
import { TransientError } from "../../lib/hub/retry.ts";
import { parseConfig } from "../../lib/model/config.ts";
import { formatTranscript, OUTPUT_FORMATS } from "../../lib/output/mod.ts";
import { hostOf } from "../../lib/server/hosts.ts";
import { HttpError } from "../../lib/server/http_error.ts";
import { settingsOf } from "../../lib/server/options.ts";
import { readUpload } from "../../lib/server/upload.ts";
import { unpackTar } from "../../lib/setup/untar.ts";
import { resolveLanguage } from "../../lib/text/languages.ts";
import { parseTranscript } from "../../lib/text/parse.ts";
import { Tokenizer } from "../../lib/text/tokenizer.ts";
import { transcriptOf } from "../../tests/support/output_samples.ts";

/** A parser under test. */
export interface Target {
  name: string;
  /** Valid inputs. */
  seeds: readonly Uint8Array[];
  /** Parses an input. */
  run(bytes: Uint8Array<ArrayBuffer>, input: number): Promise<unknown> | unknown;
}

/** Whether a parser may refuse an input so. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Qwen3ASRError || error instanceof HttpError || error instanceof SafetensorsError ||
    error instanceof TransientError;
}

const encoder = new TextEncoder();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (...texts: readonly string[]) => texts.map((each) => encoder.encode(each));
const json = (value: unknown) => JSON.stringify(value);

function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new Response(bytes).body!;
}

/** A fifth of a second of a tone. */
const TONE = Float32Array.from({ length: 3200 }, (_, i) => 0.4 * Math.sin(i / 5));

function wav(options: Partial<WavOptions> = {}): Uint8Array<ArrayBuffer> {
  return encodeWav(TONE, { sampleRate: 16_000, ...options });
}

/** The tone in another format, the same bytes each time; undefined without ffmpeg. */
async function encoded(...options: readonly string[]): Promise<Uint8Array | undefined> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(join(folder, "a.wav"), wav());
    const args = [
      "-v",
      "error",
      "-i",
      "a.wav",
      "-fflags",
      "+bitexact",
      "-flags:a",
      "+bitexact",
      ...options,
      "-",
    ];
    const { success, stdout } = await new Deno.Command("ffmpeg", { args, cwd: folder }).output();
    return success ? stdout : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function audioTarget(
  name: string,
  decoder: NonNullable<LoadAudioOptions["decoder"]>,
  seeds: readonly (Uint8Array | undefined)[],
): Promise<Target[]> {
  const found = (await Promise.all(seeds)).filter((seed) => seed !== undefined);
  // Half a minute bounds what a damaged header may ask for.
  const run = (bytes: Uint8Array<ArrayBuffer>) => loadAudio(bytes, { decoder, maxDurationSeconds: 30 });
  return found.length > 0 ? [{ name, seeds: found, run }] : [];
}

const BOUNDARY = "fuzzboundary";

function form(fields: Readonly<Record<string, string>>, file = wav()): Uint8Array {
  const parts = Object.entries(fields).map(([name, value]) =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  );
  const head =
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n`;
  const [before, after] = bytesOf(parts.join("") + head, `\r\n--${BOUNDARY}--\r\n`);
  return new Uint8Array([...before!, ...file, ...after!]);
}

function upload(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<unknown> {
  const request = new Request("http://localhost/v1/audio/transcriptions", {
    method: "POST",
    headers: { "content-type": contentType },
    body: bytes,
  });
  const settings = settingsOf({ maxDurationSeconds: 30 });
  return readUpload(request, settings, new AbortController().signal, () => {});
}

const REQUESTS: readonly Record<string, unknown>[] = [
  { file_path: "/a.wav", language: "de", prompt: "Names: Erika", keywords: ["a", "b"], temperature: 0.3 },
  { file_path: "/a.wav", languages: ["de", "en"], include: ["logprobs"], response_format: "json", user: "u" },
  {
    file_path: "/a.wav",
    chunking_strategy: { type: "server_vad" },
    stream: true,
    "a[0]": 1,
    task: "transcribe",
  },
  { file_path: "/a.wav", "chunking_strategy[type]": "auto", timestamp_granularities: ["segment"] },
];

/** A safetensors file of two tensors. */
function safetensors(): Uint8Array {
  const header = encoder.encode(json({
    __metadata__: { format: "pt" },
    a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
    b: { dtype: "BF16", shape: [4], data_offsets: [24, 32] },
  }));
  const bytes = new Uint8Array(8 + header.length + 32);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  return bytes;
}

/** A tar archive of one file. */
function tar(): Uint8Array {
  const bytes = new Uint8Array(2048);
  const put = (at: number, value: string) => bytes.set(encoder.encode(value), at);
  put(0, "lib/a.so");
  put(100, "0000644\0");
  put(124, "00000000005\0");
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\x0000");
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  put(512, "hello");
  return bytes;
}

const TOKENIZER_PARTS = "\u0000\u0000";

/** tokenizer.json, or vocab.json, merges.txt and tokenizer_config.json, of a tiny vocabulary. */
function tokenizerSeeds(): Uint8Array[] {
  const vocab = { a: 0, b: 1, ab: 2, "Ġ": 3, "Ċ": 4 };
  const content = (id: number, name: string) => ({ id, content: name, special: true });
  const whole = {
    model: { type: "BPE", vocab, merges: ["a b"] },
    added_tokens: [content(5, "<asr_text>"), content(6, "<|im_end|>")],
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Split", pattern: { Regex: "a|b" } }] },
  };
  const config = { added_tokens_decoder: { 5: content(5, "<asr_text>"), 6: content(6, "<|im_end|>") } };
  return bytesOf(json(whole), [json(vocab), "#version: 0.2\na b\n", json(config)].join(TOKENIZER_PARTS));
}

async function tokenize(bytes: Uint8Array): Promise<void> {
  const [first = "", mergesText, tokenizerConfigJson] = text(bytes).split(TOKENIZER_PARTS);
  const tokenizer = await Tokenizer.fromFiles(
    mergesText === undefined ? { tokenizerJson: first } : {
      vocabJson: first,
      mergesText,
      ...(tokenizerConfigJson === undefined ? {} : { tokenizerConfigJson }),
    },
  );
  tokenizer.decode(tokenizer.encode("ab a\n<asr_text>"));
}

const JOURNAL_LINE = json({
  input: "/a.wav",
  sizeBytes: 5,
  modifiedMs: 1,
  settings: "{}",
  outputs: ["/a.txt"],
  partial: transcriptOf([{
    startSeconds: 0,
    endSeconds: 1,
    text: "Hello.",
    language: "English",
    timing: "estimated",
  }]),
});

function parseText(bytes: Uint8Array): void {
  const given = text(bytes);
  for (const parse of [resolveLanguage, parseRange, parseModelName, hostOf]) {
    try {
      parse(given);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
}

function write(bytes: Uint8Array): void {
  const said = text(bytes);
  const transcript = transcriptOf([
    { startSeconds: 0, endSeconds: 2, text: said, language: "English", timing: "estimated" },
    { startSeconds: 2, endSeconds: 2, text: parseTranscript(said).text, language: "", timing: "estimated" },
  ]);
  for (const format of OUTPUT_FORMATS) formatTranscript(transcript, format);
}

const SAID = [
  "language English<asr_text>Hello, this is a short sentence. And another one: 3.14!",
  "language Chinese<asr_text>你好，世界。今天天气很好。",
  "language None<asr_text>",
  `language German<asr_text>${"ha ".repeat(60)} --> 00:00:01,000 {\\an8} <b>Ende</b>`,
];

const HUB_ANSWER = json({
  sha: "0123456789012345678901234567890123456789",
  siblings: [
    { rfilename: "config.json", size: 12, blobId: "0123456789012345678901234567890123456789" },
    { rfilename: "model.safetensors", size: 9, lfs: { sha256: "a".repeat(64), size: 9 } },
  ],
});

/** A file in an empty folder, for parsers that read one. */
async function inFolder(
  name: string,
  bytes: Uint8Array,
  read: (path: string, folder: string) => Promise<unknown>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(join(folder, name), bytes);
    await read(join(folder, name), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Goes wrong on purpose, each input in another way, the fifth not at all: fuzzing must notice. */
async function goWrong(_: Uint8Array, input: number): Promise<void> {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
  if (input === 0) throw new TypeError("a crash");
  if (input === 1) { for (;;); }
  if (input === 2) {
    const held = new Uint8Array(480e6).fill(1);
    await pause();
    held.fill(2);
  }
  if (input === 3) {
    Promise.reject(new Error("late"));
    await pause();
  }
}

/** What tests the fuzzing itself; not among the targets. */
export const SELF_TEST: Target = { name: "selftest", seeds: bytesOf("any"), run: goWrong };

/** All targets; those in MP3, FLAC and Opus need ffmpeg, which makes their valid inputs. */
export async function targets(): Promise<Target[]> {
  const mp3 = [
    await encoded("-b:a", "32k", "-f", "mp3"),
    await encoded("-ar", "44100", "-ac", "2", "-f", "mp3"),
  ];
  const flac = [await encoded("-f", "flac"), await encoded("-ac", "2", "-sample_fmt", "s32", "-f", "flac")];
  const opus = [
    await encoded("-c:a", "libopus", "-f", "ogg"),
    await encoded("-c:a", "libopus", "-ac", "2", "-f", "ogg"),
  ];
  const wavs = [
    wav(),
    wav({ format: "float32" }),
    wav({ channels: 2 }),
    wav({ sampleRate: 8000 }),
  ];
  const config = await Deno.readTextFile(new URL("../../demo/model/config.json", import.meta.url));
  const all = [...wavs, ...mp3, ...flac, ...opus].filter((seed) => seed !== undefined);
  return [
    ...await audioTarget("wav", "wav", wavs),
    ...await audioTarget("mp3", "wasm", mp3),
    ...await audioTarget("flac", "wasm", flac),
    ...await audioTarget("opus", "wasm", opus),
    {
      name: "container",
      seeds: [...all, ...bytesOf("#EXTM3U\n", "<!DOCTYPE html>", "ffconcat version 1.0\n")],
      run: (bytes) => needsSeeking(bytes, containerOf(bytes)),
    },
    {
      name: "form",
      seeds: [
        form({}),
        form({ model: "demo", language: "de", "keywords[]": "a" }),
        form({ stream: "true", user: "u" }),
      ],
      run: (bytes) => upload(bytes, `multipart/form-data; boundary=${BOUNDARY}`),
    },
    {
      name: "json",
      seeds: bytesOf(...REQUESTS.map(json)),
      run: (bytes) => upload(bytes, "application/json"),
    },
    { name: "config", seeds: bytesOf(config), run: (bytes) => parseConfig(text(bytes), "config.json") },
    {
      name: "safetensors",
      seeds: [safetensors()],
      run: (bytes) => inFolder("a.safetensors", bytes, readSafetensorsHeader),
    },
    { name: "tokenizer", seeds: tokenizerSeeds(), run: tokenize },
    {
      name: "journal",
      seeds: bytesOf(`${JOURNAL_LINE}\n`, `${JOURNAL_LINE}\n${JOURNAL_LINE}\n`),
      run: (bytes) =>
        inFolder(JOURNAL_FILE, bytes, async (path, folder) => {
          const journal = await Journal.open(folder, {});
          await journal.past(fileInput(path), [path]);
        }),
    },
    {
      name: "hub",
      seeds: bytesOf(HUB_ANSWER),
      run: (bytes) =>
        new HubClient({
          endpoint: "http://localhost",
          token: undefined,
          fetch: () =>
            Promise.resolve(new Response(bytes, { headers: { "content-type": "application/json" } })),
        }).list("a/b", "main"),
    },
    {
      name: "tar",
      seeds: [tar()],
      run: (bytes) =>
        inFolder("a.tar", bytes, (_, folder) => unpackTar(streamOf(bytes), join(folder, "out"))),
    },
    {
      name: "text",
      seeds: bytesOf(
        "German",
        "de-AT",
        "1:00-2:30",
        "-0:30",
        "org/name",
        "file:///a%20b",
        "[::1]:8080",
        "0.6b",
      ),
      run: parseText,
    },
    { name: "writers", seeds: bytesOf(...SAID), run: write },
  ];
}
