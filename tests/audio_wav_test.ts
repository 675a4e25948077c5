import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { decodeWav, encodeWav, type PcmAudio, WavEncodingError, WavReader } from "../lib/audio/wav.ts";
import { AudioError } from "../lib/errors.ts";
import { randomNumbers } from "./support/audio_signals.ts";
import { fixtures } from "./support/fixtures.ts";

interface Expected {
  rate: number;
  channels: number;
  frames: number;
  tolerance: number;
  expect: string;
}

async function expectations(): Promise<Record<string, Expected>> {
  return JSON.parse(await Deno.readTextFile(join(await fixtures(), "wav", "expected.json"))).wav;
}

async function bytesOf(name: string): Promise<Uint8Array> {
  return await Deno.readFile(join(await fixtures(), "wav", name));
}

async function stereoReference(): Promise<Float32Array> {
  const bytes = await bytesOf("stereo.f32");
  return new Float32Array(bytes.slice().buffer);
}

/** What the file must hold at a frame and channel, from the float reference. */
function expectedSample(name: string, stereo: Float32Array, frame: number, channel: number): number {
  const left = stereo[2 * frame]!;
  if (name === "mono16") return left;
  if (name === "eight16") return left * (channel + 1) / 8;
  return stereo[2 * frame + channel]!;
}

function largestDifference(name: string, audio: PcmAudio, stereo: Float32Array): number {
  let largest = 0;
  audio.interleaved.forEach((sample, i) => {
    const frame = Math.floor(i / audio.channels);
    const difference = Math.abs(sample - expectedSample(name, stereo, frame, i % audio.channels));
    largest = Math.max(largest, difference);
  });
  return largest;
}

Deno.test("decodeWav() reads every variant as the reference has it", async () => {
  const stereo = await stereoReference();
  for (const [name, expected] of Object.entries(await expectations())) {
    if (expected.expect === "error") continue;
    const audio = decodeWav(await bytesOf(`${name}.wav`));
    assertEquals([audio.sampleRate, audio.channels], [expected.rate, expected.channels], name);
    assertEquals(audio.interleaved.length, expected.frames * expected.channels, name);
    // Half a step of rounding lies in the tolerance; float32 itself adds 2^-24.
    const difference = largestDifference(name, audio, stereo);
    assert(difference <= expected.tolerance + 2 ** -24, `${name}: ${difference} > ${expected.tolerance}`);
  }
});

Deno.test("decodeWav() warns when the file is cut off, and only then", async () => {
  for (const [name, { expect }] of Object.entries(await expectations())) {
    if (expect === "error") continue;
    const { warnings } = decodeWav(await bytesOf(`${name}.wav`));
    assertEquals(warnings.length, name === "truncated" ? 1 : 0, `${name}: ${warnings}`);
  }
  const { warnings } = decodeWav(await bytesOf("truncated.wav"), { name: "talk.wav" });
  assertEquals(warnings, [
    "talk.wav is cut off: 35284 bytes of samples announced, 17621 there (0.100 s, all of it read).",
  ]);
});

Deno.test("decodeWav() refuses what is no WAV file with one sentence", async () => {
  const sentences: Record<string, RegExp> = {
    nofmt: /^Cannot read WAV: there is no fmt chunk before the samples\.$/,
    empty: /^Cannot read WAV: it is empty\.$/,
    notwav: /^Cannot read WAV: it is not a WAV file \(no RIFF\/WAVE header\)\.$/,
    zeroch: /^Cannot read WAV: it claims 0 channels, expected 1 to 64\.$/,
    riffonly: /^Cannot read WAV: there is no fmt chunk\.$/,
  };
  for (const [name, { expect }] of Object.entries(await expectations())) {
    if (expect !== "error") continue;
    const bytes = await bytesOf(`${name}.wav`);
    const error = assertThrows(() => decodeWav(bytes), AudioError);
    assert(sentences[name]!.test(error.message), `${name}: ${error.message}`);
  }
});

Deno.test("WavReader.push() gives the same samples when blocks are of any size", async () => {
  const expected = Object.entries(await expectations()).filter(([, { expect }]) => expect !== "error");
  for (const [name, { channels }] of expected) {
    const bytes = await bytesOf(`${name}.wav`);
    const whole = decodeWav(bytes).interleaved;
    for (const size of [1, 7, 1000, 4096]) {
      const reader = new WavReader();
      const blocks: number[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        const block = reader.push(bytes.subarray(at, at + size));
        assertEquals(block.length % channels, 0, `${name}: a block ends inside a frame`);
        for (const sample of block) blocks.push(sample);
      }
      reader.finish();
      assertEquals(reader.frames * channels, whole.length);
      assertEquals(Float32Array.from(blocks), whole, `${name} in blocks of ${size}`);
    }
  }
});

Deno.test("decodeWav() says which codec it has not when the samples are compressed", async () => {
  const bytes = await bytesOf("pcm16.wav");
  new DataView(bytes.buffer).setUint16(20, 0x11, true);
  const error = assertThrows(() => decodeWav(bytes, { name: "call.wav" }), WavEncodingError);
  assertEquals(
    error.message,
    "Cannot read call.wav: its samples are in format 0x0011, expected PCM, float, A-law or mu-law.",
  );
});

Deno.test("decodeWav() refuses a file whose data chunk is really empty", () => {
  const error = assertThrows(
    () => decodeWav(encodeWav(new Float32Array(0), { sampleRate: 16000 })),
    AudioError,
  );
  assertEquals(error.message, "Cannot read WAV: it holds no samples.");
});

Deno.test("decodeWav() takes no other chunk for samples when the data chunk is empty", () => {
  const empty = encodeWav(new Float32Array(0), { sampleRate: 16000 });
  const bytes = new Uint8Array(empty.length + 12);
  bytes.set(empty);
  bytes.set(new TextEncoder().encode("LIST\x04\0\0\0INFO"), empty.length);
  new DataView(bytes.buffer).setUint32(4, bytes.length - 8, true);
  const error = assertThrows(() => decodeWav(bytes), AudioError);
  assertEquals(error.message, "Cannot read WAV: it holds no samples.");
});

Deno.test("decodeWav() aligns 20 bits in 24 and 24 bits in 32 to the high end", () => {
  const wide = encodeWav(new Float32Array([0.5, -0.25, 0.125]), { sampleRate: 8000, format: "float32" });
  const view = new DataView(wide.buffer);
  view.setUint16(20, 1, true);
  view.setUint16(34, 24, true);
  [0.5, -0.25, 0.125].forEach((x, i) => view.setInt32(44 + 4 * i, x * 2 ** 31, true));
  assertEquals([...decodeWav(wide).interleaved], [0.5, -0.25, 0.125]);
});

Deno.test("encodeWav() keeps int16 samples and every bit of float32 ones", () => {
  const int16 = Float32Array.from({ length: 65536 }, (_, i) => (i - 32768) / 32768);
  assertEquals(decodeWav(encodeWav(int16, { sampleRate: 44100, channels: 2 })).interleaved, int16);
  const float32 = Float32Array.from({ length: 999 }, (_, i) => Math.fround(3 * Math.sin(i)));
  const audio = decodeWav(encodeWav(float32, { sampleRate: 96000, channels: 3, format: "float32" }));
  assertEquals(audio, { channels: 3, sampleRate: 96000, interleaved: float32, warnings: [] });
});

Deno.test("encodeWav() clips when int16 samples are beyond full scale", () => {
  const audio = decodeWav(encodeWav(new Float32Array([2, -2, 1]), { sampleRate: 8000 }));
  assertEquals([...audio.interleaved], [32767 / 32768, -1, 32767 / 32768]);
});

Deno.test("encodeWav() writes what ffmpeg reads", async () => {
  const samples = Float32Array.from({ length: 4800 }, (_, i) => Math.sin(i / 20) / 2);
  for (const format of ["int16", "float32"] as const) {
    const wav = encodeWav(samples, { sampleRate: 48000, format });
    const ffmpeg = new Deno.Command("ffmpeg", {
      args: ["-v", "error", "-i", "pipe:0", "-f", "f32le", "pipe:1"],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = ffmpeg.stdin.getWriter();
    await writer.write(wav);
    await writer.close();
    const { stdout } = await ffmpeg.output();
    const heard = new Float32Array(stdout.slice().buffer);
    assertEquals(heard.length, samples.length);
    heard.forEach((x, i) => assertAlmostEquals(x, samples[i]!, 2 ** -16 + 1e-9));
  }
});

Deno.test("decodeWav() throws nothing but AudioError when headers are damaged at random", async () => {
  const random = randomNumbers(7);
  const next = (below: number) => Math.floor(random() * below);
  const originals = await Promise.all(
    ["pcm16", "ext24", "rf64", "oddchunk", "alaw", "f64", "pipe_zero"].map((name) => bytesOf(`${name}.wav`)),
  );
  let refused = 0;
  for (let round = 0; round < 300; round++) {
    const bytes = originals[next(originals.length)]!.slice(0, 44 + next(3000));
    for (let k = next(6); k >= 0; k--) {
      bytes[next(Math.min(120, bytes.length))] = next(4) ? next(256) : 255 * next(2);
    }
    try {
      assertGreater(decodeWav(bytes).interleaved.length, 0);
    } catch (error) {
      assertInstanceOf(error, AudioError, `round ${round}: ${error}`);
      refused++;
    }
  }
  assert(refused > 50 && refused < 290, `${refused} of 300 refused: the mutations do not test both ways`);
});
