import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { loadAudio } from "../lib/audio/load.ts";
import { resample } from "../lib/audio/resample.ts";
import { decodeWav, encodeWav } from "../lib/audio/wav.ts";
import { AudioError, OptionError } from "../lib/errors.ts";
import { DEMO, randomNumbers, recording, sine, whiteNoise } from "./support/audio_signals.ts";
import { fixtures } from "./support/fixtures.ts";

const WAV = join(DEMO, "recordings/dev-05-de.wav");

/** A stream that gives the bytes in blocks and counts how many were taken. */
function streamOf(
  bytes: Uint8Array,
  size: number,
): { stream: ReadableStream<Uint8Array>; taken: () => number } {
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
    },
  }, { highWaterMark: 0 });
  return { stream, taken: () => at };
}

/** A small HTTP server for one test. */
async function withServer(
  handler: (request: Request) => Response,
  body: (url: string) => Promise<void>,
): Promise<void> {
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
  await body(`http://127.0.0.1:${server.addr.port}`);
}

async function messageOf(source: Parameters<typeof loadAudio>[0], options = {}): Promise<string> {
  return (await assertRejects(() => loadAudio(source, options), AudioError)).message;
}

Deno.test("loadAudio() gives the same samples from a path, URL, bytes, Blob and stream", async () => {
  const bytes = await Deno.readFile(WAV);
  const expected = decodeWav(bytes).interleaved;
  const sources = [
    WAV,
    toFileUrl(WAV),
    toFileUrl(WAV).href,
    bytes,
    bytes.buffer,
    new Blob([bytes]),
    streamOf(bytes, 1000).stream,
    expected,
  ];
  for (const source of sources) {
    const { samples, durationSeconds, container, sourceSampleRate, sourceChannels, warnings } =
      await loadAudio(source);
    assertEquals(samples.slice(), expected);
    assertEquals(durationSeconds, expected.length / 16000);
    assertEquals(container, source === expected ? "samples" : "wav");
    assertEquals([sourceSampleRate, sourceChannels, warnings], [16000, 1, []]);
  }
});

Deno.test("loadAudio() reads an http URL and says what the server answered when it refuses", async () => {
  const bytes = await Deno.readFile(WAV);
  const handler = (request: Request) =>
    new URL(request.url).pathname === "/talk.wav" ? new Response(bytes) : new Response("no", { status: 404 });
  await withServer(handler, async (url) => {
    const { samples } = await loadAudio(`${url}/talk.wav?token=secret`);
    assertEquals(samples.length, decodeWav(bytes).interleaved.length);
    assertEquals(
      await messageOf(new URL(`${url}/gone.wav?token=secret`)),
      `Cannot fetch ${url}/gone.wav: the server answered 404 Not Found.`,
    );
  });
  assertMatch(
    await messageOf("http://127.0.0.1:1/talk.wav"),
    /^Cannot fetch http:\/\/127\.0\.0\.1:1\/talk\.wav: /,
  );
});

Deno.test("loadAudio() says so when a download breaks off or is a web page", async () => {
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(100)),
    pull: () => Promise.reject(new Error("connection lost")),
  }, { highWaterMark: 0 });
  assertEquals(
    await messageOf("https://example.org/a.wav", { fetch: () => Promise.resolve(new Response(broken)) }),
    "Cannot read https://example.org/a.wav: the stream broke off after 100 bytes (connection lost).",
  );
  const page = "<!DOCTYPE html><html><body>Please log in</body></html>";
  assertEquals(
    await messageOf("https://example.org/a.wav", { fetch: () => Promise.resolve(new Response(page)) }),
    "Cannot read https://example.org/a.wav: it is a web page, expected an audio file.",
  );
});

Deno.test("loadAudio() reads standard input", async () => {
  const script = `import { loadAudio } from ${
    JSON.stringify(new URL("../lib/audio/load.ts", import.meta.url).href)
  };
    const { samples, container } = await loadAudio("-");
    console.log(samples.length, container);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", script],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(await Deno.readFile(WAV));
  await writer.close();
  const { stdout } = await child.output();
  assertEquals(
    new TextDecoder().decode(stdout).trim(),
    `${decodeWav(await Deno.readFile(WAV)).interleaved.length} wav`,
  );
});

Deno.test("loadAudio() averages channels and resamples as the pieces do", async () => {
  const bytes = await Deno.readFile(join(await fixtures(), "wav", "eight16.wav"));
  const { interleaved } = decodeWav(bytes);
  const mono = Float32Array.from(
    { length: interleaved.length / 8 },
    (_, i) => interleaved.subarray(8 * i, 8 * i + 8).reduce((a, b) => a + b, 0) / 8,
  );
  const { samples, sourceChannels, sourceSampleRate } = await loadAudio(bytes);
  assertEquals([sourceChannels, sourceSampleRate], [8, 44100]);
  assertEquals(samples.slice(), resample(mono, 44100, 16000));
});

Deno.test("loadAudio() keeps the level until samples are read, then divides by a peak above 1", async () => {
  const loud = encodeWav(sine(440, 16000, 16000, 2), { sampleRate: 16000, format: "float32" });
  const { samples } = await loadAudio(loud);
  assertGreater(samples.peak, 1.99);
  const heard = samples.slice();
  assert(heard.every((x) => Math.abs(x) <= 1) && heard.some((x) => x > 0.999));
});

Deno.test("loadAudio() keeps only the range and stops reading behind it", async () => {
  const wave = whiteNoise(16000 * 60, 0.5);
  const bytes = encodeWav(wave, { sampleRate: 16000 });
  const { stream, taken } = streamOf(bytes, 4096);
  const { samples, durationSeconds } = await loadAudio(stream, {
    range: { startSeconds: 1.5, endSeconds: 2.25 },
  });
  assertEquals(durationSeconds, 0.75);
  assertEquals(samples.slice(), decodeWav(bytes).interleaved.slice(24000, 36000));
  assertLess(taken(), 36000 * 2 + 100_000);
  const { samples: tail } = await loadAudio(wave, { range: { startSeconds: 59 } });
  assertEquals(tail.slice(), wave.slice(59 * 16000));
});

Deno.test("loadAudio() refuses clips and limits that can't be", async () => {
  const wave = whiteNoise(16000, 0.5);
  assertEquals(
    await messageOf(wave, { range: { startSeconds: 2 } }),
    "The range starts at 2 s, but the audio ends at 1.000 s.",
  );
  for (
    const options of [
      { range: { startSeconds: -1 } },
      { range: { startSeconds: 2, endSeconds: 1 } },
      { range: { endSeconds: NaN } },
      { maxDurationSeconds: 0 },
    ]
  ) await assertRejects(() => loadAudio(wave, options), OptionError);
});

Deno.test("loadAudio() says what is wrong in one sentence", async () => {
  const folder = await fixtures();
  const cases: [Parameters<typeof loadAudio>[0], RegExp][] = [
    [join(folder, "nothing.wav"), /^Cannot read .*nothing\.wav: there is no such file\.$/],
    [folder, /^Cannot read .*: it is a folder, expected an audio file\.$/],
    [join(folder, "wav/empty.wav"), /^Cannot read .*empty\.wav: it is empty\.$/],
    [join(folder, "wav/zeroch.wav"), /^Cannot read .*zeroch\.wav: it claims 0 channels/],
    [new Uint8Array(0), /^Cannot read the audio: it is empty\.$/],
    [new Blob([]), /^Cannot read the audio: it is empty\.$/],
    [new Float32Array(0), /^Cannot read the audio: it holds no samples\.$/],
    [encodeWav(new Float32Array(0), { sampleRate: 16000 }), /^Cannot read the audio: it holds no samples\.$/],
    [new Float32Array(20000).fill(NaN, 16000), /^The audio holds NaN at 1\.000 s, expected finite samples/],
    [new TextEncoder().encode("#EXTM3U\nfile:///etc/passwd\n"), /^Cannot read the audio: it is a playlist/],
    [new File(["x"], "note.txt"), /^Cannot read note\.txt: ffmpeg says "Invalid data found/],
    [
      join(folder, "wav/notwav.wav"),
      /^Cannot read .*notwav\.wav: ffmpeg says ".+" \(raw samples need their format, .+\)\.$/,
    ],
  ];
  for (const [source, sentence] of cases) assertMatch(await messageOf(source), sentence);
});

Deno.test("loadAudio() tells where NaN is when it stands in a WAV file", async () => {
  const wave = sine(440, 48000, 96000);
  wave[72000] = NaN;
  const bytes = encodeWav(wave, { sampleRate: 48000, format: "float32" });
  assertMatch(await messageOf(bytes), /^The audio holds NaN at 1\.49\d s/);
});

Deno.test("loadAudio() refuses a recording above maxDurationSeconds and stops reading it", async () => {
  const bytes = encodeWav(new Float32Array(16000 * 120), { sampleRate: 16000 });
  const { stream, taken } = streamOf(bytes, 8192);
  assertEquals(
    await messageOf(stream, { maxDurationSeconds: 10 }),
    "Cannot read the audio: it is longer than 10 s, the limit that was set (maxDurationSeconds).",
  );
  assertLess(taken(), 11 * 32000);
  assertEquals((await loadAudio(bytes, { maxDurationSeconds: 120 })).durationSeconds, 120);
});

Deno.test("loadAudio() rejects with the signal's reason when a stream stalls", async () => {
  const stalled = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
  const controller = new AbortController();
  const loading = loadAudio(stalled, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 10);
  assertEquals((await assertRejects(() => loading, Error)).message, "enough");
  await assertRejects(() => loadAudio(WAV, { signal: AbortSignal.abort() }), DOMException);
});

Deno.test("loadAudio() leaves the event loop its turns", async () => {
  const bytes = encodeWav(whiteNoise(44100 * 2 * 60, 0.5), { sampleRate: 44100, channels: 2 });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await loadAudio(bytes);
  clearInterval(timer);
  // A minute takes some 300 ms of work, and bytes in memory need no I/O: without pauses there is no turn at all.
  assertGreater(turns, 5);
});

Deno.test("loadAudio() throws nothing but AudioError when WAV headers are damaged at random", async () => {
  const random = randomNumbers(11);
  const next = (below: number) => Math.floor(random() * below);
  const folder = await fixtures();
  const originals = await Promise.all(
    ["pcm16", "ext24", "rf64", "oddchunk", "alaw", "pipe_zero"].map((name) =>
      Deno.readFile(join(folder, "wav", `${name}.wav`))
    ),
  );
  for (let round = 0; round < 300; round++) {
    const bytes = originals[next(originals.length)]!.slice(0, 44 + next(3000));
    for (let k = next(6); k >= 0; k--) bytes[next(Math.min(120, bytes.length))] = next(256);
    try {
      const { samples } = await loadAudio(bytes, { decoder: "wav" });
      assertGreater(samples.length, 0);
    } catch (error) {
      assertInstanceOf(error, AudioError, `round ${round}: ${error}`);
    }
  }
});

Deno.test("loadAudio() keeps three hours in memory once", async () => {
  const header = encodeWav(new Float32Array(0), { sampleRate: 16000 });
  new DataView(header.buffer).setUint32(4, 0xffff_ffff, true);
  new DataView(header.buffer).setUint32(40, 0xffff_ffff, true);
  const seconds = 3 * 3600;
  const second = new Uint8Array(encodeWav(whiteNoise(16000, 0.5), { sampleRate: 16000 }).buffer, 44);
  let given = -1;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (given === seconds) return controller.close();
      controller.enqueue(given++ < 0 ? header : second);
    },
  }, { highWaterMark: 0 });
  const before = Deno.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => peak = Math.max(peak, Deno.memoryUsage().rss), 20);
  const { samples } = await loadAudio(stream);
  clearInterval(timer);
  peak = Math.max(peak, Deno.memoryUsage().rss);
  assertEquals(samples.length, seconds * 16000);
  // The samples themselves are 0.69 GB.
  assertLess((peak - before) / 1e9, 0.9);
});

Deno.test("loadAudio() reads the long recording as decodeWav() does", async () => {
  const { samples } = await loadAudio(join(DEMO, "recordings/long-en.wav"));
  assertEquals(samples.slice(), await recording("long-en.wav"));
});
