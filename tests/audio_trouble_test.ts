/**
 * Recordings as other programs leave them: public bug reports of other recognisers, each as bytes made here.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { loadAudio } from "../lib/audio/load.ts";
import { encodeWav } from "../lib/audio/wav.ts";
import { AudioError } from "../lib/errors.ts";
import { joinBytes } from "../lib/join_arrays.ts";
import { inFolder, isSame, sine, whiteNoise } from "./support/audio_signals.ts";

const RATE = 16000;
/** 1 s whose samples are int16. */
const TONE = sine(440, RATE, RATE).map((x) => Math.round(x * 32768) / 32768);
const WAV = encodeWav(TONE, { sampleRate: RATE });
const HEADER = WAV.subarray(0, 36);
const SAMPLES = WAV.subarray(44);

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joinBytes(parts);
}

function chunk(id: string, body: Uint8Array, size = body.length): Uint8Array {
  const header = new Uint8Array(8);
  new TextEncoder().encodeInto(id, header);
  new DataView(header.buffer).setUint32(4, size, true);
  return joined(header, body, new Uint8Array(body.length % 2));
}

/** A RIFF file of chunks; `fmt ` is that of 16 kHz, mono, 16 bits. */
function riff(...chunks: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const file = joined(WAV.subarray(0, 12), ...chunks);
  new DataView(file.buffer).setUint32(4, file.length - 8, true);
  return file;
}

const FMT = HEADER.subarray(12);

/** The same file with every number's bytes in the other order. */
function bigEndian(wav: Uint8Array): Uint8Array<ArrayBuffer> {
  const [file, from] = [wav.slice(), new DataView(wav.buffer)];
  const to = new DataView(file.buffer);
  file[3] = "X".charCodeAt(0);
  for (const at of [4, 16, 24, 28, 40]) to.setUint32(at, from.getUint32(at, true));
  for (const at of [20, 22, 32, 34]) to.setUint16(at, from.getUint16(at, true));
  for (let at = 44; at < wav.length; at += 2) to.setUint16(at, from.getUint16(at, true));
  return file;
}

/** What is heard, and the sentences with it. */
async function heard(source: Uint8Array | string): Promise<[Float32Array, string[]]> {
  const { samples, warnings } = await loadAudio(source);
  return [samples.slice(), warnings.map(({ message }) => message)];
}

/** Once from a file and once from a stream of small blocks. */
async function bothWays(bytes: Uint8Array<ArrayBuffer>, seconds: number, warnings: string[] = []) {
  await inFolder(async (folder) => {
    const path = join(folder, "talk.wav");
    await Deno.writeFile(path, bytes);
    for (const source of [path, bytes]) {
      const [samples, sentences] = await heard(source);
      assertEquals(samples.length, seconds * RATE);
      for (let at = 0; at < samples.length; at += RATE) assert(isSame(samples.subarray(at, at + RATE), TONE));
      assertEquals(sentences.map((sentence) => sentence.replace(path, "the audio")), warnings);
    }
  });
}

Deno.test("loadAudio() reads WAV samples whose size is 0 up to the end that the file itself has", async () => {
  await bothWays(riff(FMT, chunk("data", SAMPLES, 0)), 1);
  // An empty data chunk with others behind it holds nothing.
  const empty = riff(FMT, chunk("data", new Uint8Array(0)), chunk("LIST", new Uint8Array(20)));
  await assertRejects(() => loadAudio(empty), AudioError, "it holds no samples");
});

Deno.test("loadAudio() reads RIFX, the big-endian WAV", async () => {
  await bothWays(bigEndian(WAV), 1);
});

Deno.test("loadAudio() reads all data chunks of a WAV file, and all WAV files in a row", async () => {
  await bothWays(
    riff(FMT, chunk("data", SAMPLES), chunk("LIST", new Uint8Array(5)), chunk("data", SAMPLES)),
    2,
  );
  await bothWays(joined(WAV, WAV, bigEndian(WAV)), 3);
  const other = encodeWav(TONE, { sampleRate: 8000 });
  await bothWays(joined(WAV, other, WAV), 2, [
    "the audio holds another recording of another format: 2.000 s of it were left out.",
  ]);
});

Deno.test("loadAudio() says how much there is behind the samples of a WAV file that is no chunk", async () => {
  await bothWays(joined(WAV, new Uint8Array(1000)), 1);
  await bothWays(joined(WAV, new Uint8Array(2.5 * SAMPLES.length)), 1, [
    "the audio goes on behind its samples: 80000 bytes that belong to no chunk were left out " +
    "(2.500 s if they are samples).",
  ]);
});

Deno.test("loadAudio() reads a WAV file whose format stands behind its samples, where it can look there", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "talk.wav");
    const bytes = riff(chunk("data", SAMPLES), chunk("LIST", new Uint8Array(5)), FMT);
    await Deno.writeFile(path, bytes);
    const [samples, warnings] = await heard(path);
    assert(samples.length === RATE && isSame(samples, TONE));
    assertEquals(warnings, []);
    const error = await assertRejects(() => loadAudio(bytes), AudioError);
    assertMatch(error.message, /there is no fmt chunk before the samples\.$/);
  });
});

/** 3 s in which the second channel is the first one times a factor, and something of its own. */
function stereo(factor: number, own: number): Float32Array {
  const noise = whiteNoise(2 * 3 * RATE, own);
  return Float32Array.from({ length: 2 * 3 * RATE }, (_, i) => {
    const tone = 0.3 * Math.sin(2 * Math.PI * 300 * Math.floor(i / 2) / RATE);
    return (i % 2 === 0 ? tone : factor * tone) + noise[i]!;
  });
}

Deno.test("loadAudio() hears one channel where the channels cancel each other, and says so", async () => {
  for (const [factor, own] of [[-1, 0], [-0.9, 0.01], [-1.1, 0.03]] as const) {
    const sound = stereo(factor, own);
    const wav = encodeWav(sound, { sampleRate: RATE, channels: 2, format: "float32" });
    const { samples, warnings } = await loadAudio(wav);
    const louder = Math.abs(factor) > 1 ? 1 : 0;
    assert(isSame(samples.slice(), sound.filter((_, i) => i % 2 === louder)), `${factor}`);
    assertEquals(warnings, [{
      code: "audio-selected",
      startSeconds: 0,
      endSeconds: 3,
      message: "The channels of the audio cancel each other between 0.0 s and 3.0 s: " +
        `channel ${louder + 1} was heard there instead of their mean.`,
    }]);
  }
});

Deno.test("loadAudio() takes the mean of channels that do not cancel each other, whatever the blocks", async () => {
  for (const [factor, own] of [[1, 0], [0, 0], [-0.5, 0], [-1, 0.3], [-1, 1e-4]] as const) {
    const sound = stereo(factor, own).map((x) => own === 1e-4 ? x / 1000 : x);
    const mean = Float32Array.from({ length: 3 * RATE }, (_, i) => (sound[2 * i]! + sound[2 * i + 1]!) / 2);
    const wav = encodeWav(sound, { sampleRate: RATE, channels: 2, format: "float32" });
    const blocks = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < wav.length; at += 7777) controller.enqueue(wav.subarray(at, at + 7777));
        controller.close();
      },
    });
    const { samples, warnings } = await loadAudio(blocks);
    assertEquals([samples.length, warnings], [mean.length, []]);
    assert(isSame(samples.slice(), mean), `${factor}, ${own}`);
  }
});
