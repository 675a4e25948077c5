import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { join } from "@std/path";
import { loadAudio } from "../lib/audio/load.ts";
import { AudioError } from "../lib/errors.ts";
import {
  correlation,
  DEMO,
  ffmpeg,
  inFolder,
  isSame,
  randomNumbers,
  recording,
} from "./support/audio_signals.ts";

const RECORDING = "dev-23-de.wav";
const WAV = join(DEMO, "recordings", RECORDING);

Deno.test("loadAudio() decodes FLAC without ffmpeg, sample for sample", async () => {
  const variants = [
    [],
    ["-compression_level", "0"],
    ["-compression_level", "12"],
    ["-lpc_type", "cholesky"],
    ["-ar", "44100", "-ac", "2"],
    ["-ar", "48000", "-sample_fmt", "s32"],
    ["-ac", "6"],
    ["-af", "aeval=val(0)|val(0):c=stereo"],
    ["-af", "aeval=val(0)|-val(0)/2:c=stereo"],
    ["-af", "volume=0"],
    ["-af", "volume=40dB"],
    ["-frame_size", "333"],
  ];
  await inFolder(async (folder) => {
    for (const options of variants) {
      const [wav, flac] = [join(folder, "a.wav"), join(folder, "a.flac")];
      await ffmpeg("-i", WAV, ...options, "-c:a", "flac", flac);
      await ffmpeg("-i", flac, "-c:a", "pcm_s32le", wav);
      const expected = await loadAudio(wav);
      const heard = await loadAudio(flac, { decoder: "wasm" });
      const name = options.join(" ");
      assertEquals(heard.warnings, [], name);
      assertEquals(heard.sourceChannels, expected.sourceChannels, name);
      assertEquals(heard.samples.length, expected.samples.length, name);
      assert(isSame(heard.samples.slice(), expected.samples.slice()), name);
    }
  });
});

Deno.test("loadAudio() leaves damaged FLAC frames out and says so", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.flac");
    await ffmpeg("-i", WAV, path);
    const bytes = await Deno.readFile(path);
    const whole = (await loadAudio(bytes, { decoder: "wasm" })).durationSeconds;
    bytes.fill(0x55, 20000, 24000);
    const { warnings, durationSeconds } = await loadAudio(bytes, { decoder: "wasm" });
    assertEquals(warnings.length, 1);
    assertMatch(warnings[0]!.message, /^the audio is damaged: \d+ places in it are no FLAC frames/);
    assert(durationSeconds > whole - 1.5 && durationSeconds < whole, `${durationSeconds} of ${whole} s`);
  });
});

Deno.test("loadAudio() decodes MP3 and Ogg Opus without ffmpeg", async () => {
  const expected = await recording(RECORDING);
  const formats: [string, string[]][] = [
    ["a.mp3", ["-b:a", "96k"]],
    ["stereo.mp3", ["-b:a", "128k", "-ar", "44100", "-ac", "2"]],
    ["a.opus", ["-c:a", "libopus", "-b:a", "64k"]],
    ["stereo.opus", ["-c:a", "libopus", "-b:a", "96k", "-ac", "2"]],
    ["surround.opus", ["-c:a", "libopus", "-b:a", "256k", "-ac", "6", "-mapping_family", "1"]],
  ];
  await inFolder(async (folder) => {
    for (const [file, options] of formats) {
      const path = join(folder, file);
      await ffmpeg("-i", WAV, ...options, path);
      const { samples, durationSeconds, warnings, sourceChannels } = await loadAudio(path, {
        decoder: "wasm",
      });
      const reference = await loadAudio(path, { decoder: "ffmpeg" });
      assertEquals([warnings, sourceChannels], [[], reference.sourceChannels], file);
      assertAlmostEquals(
        durationSeconds,
        expected.length / 16000,
        file.endsWith("opus") ? 0.001 : 0.15,
        file,
      );
      assertGreater(correlation(reference.samples.slice(), samples.slice()), 0.99, file);
    }
  });
});

Deno.test("loadAudio() says so when Ogg Opus pages are missing or follow a second recording", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.opus");
    await ffmpeg("-i", WAV, "-c:a", "libopus", path);
    const bytes = await Deno.readFile(path);
    const twice = new Uint8Array(bytes.length * 2);
    twice.set(bytes);
    twice.set(bytes, bytes.length);
    // The second one needs a serial number of its own; its pages keep their order.
    const { warnings } = await loadAudio(twice, { decoder: "wasm" });
    assert(
      warnings.some(({ message }) => /holds 2 recordings: only the first was read/.test(message)),
      JSON.stringify(warnings),
    );
    const gap = new Uint8Array([...bytes.subarray(0, 12000), ...bytes.subarray(16000)]);
    const damaged = await loadAudio(gap, { decoder: "wasm" });
    assertMatch(
      damaged.warnings[0]!.message,
      /^the audio is damaged: Opus packets are missing or bad in \d+ places \(near \d\.\d.* s\)\.$/,
    );
  });
});

Deno.test("loadAudio() names ffmpeg when no WASM decoder knows the format", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.ogg");
    await ffmpeg("-i", WAV, "-c:a", "libvorbis", path);
    const error = await assertRejects(() => loadAudio(path, { decoder: "wasm" }), AudioError);
    assertMatch(error.message, /^Cannot read .*a\.ogg: decoding ogg needs ffmpeg, which was not found/);
  });
});

Deno.test("loadAudio() throws nothing but AudioError when FLAC, Opus and MP3 are damaged at random", async () => {
  const random = randomNumbers(3);
  const next = (below: number) => Math.floor(random() * below);
  await inFolder(async (folder) => {
    for (const file of ["a.flac", "a.opus", "a.mp3"]) {
      const path = join(folder, file);
      await ffmpeg("-i", WAV, "-t", "1", path);
      const original = await Deno.readFile(path);
      for (let round = 0; round < 60; round++) {
        const bytes = original.slice(0, 40 + next(original.length));
        for (let k = next(8); k >= 0; k--) bytes[4 + next(Math.min(3000, bytes.length - 4))] = next(256);
        const outcome = await loadAudio(bytes, { decoder: "wasm" }).catch((error) => error);
        if (outcome instanceof Error) {
          assert(outcome instanceof AudioError, `${file}, round ${round}: ${outcome.stack}`);
        }
      }
    }
  });
});

Deno.test("loadAudio() passes over tags around MP3 frames and reports damage between them", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.mp3");
    await ffmpeg("-i", WAV, "-b:a", "64k", "-write_id3v1", "1", "-metadata", "title=Titel", path);
    const bytes = await Deno.readFile(path);
    assertEquals(new TextDecoder().decode(bytes.subarray(0, 3)), "ID3");
    assertEquals(new TextDecoder().decode(bytes.subarray(-128, -125)), "TAG");
    const whole = await loadAudio(bytes, { decoder: "wasm" });
    assertEquals(whole.warnings, []);
    bytes.fill(0, 10000, 13000);
    const { warnings, samples } = await loadAudio(bytes, { decoder: "wasm" });
    const [warning, ...more] = warnings;
    assertEquals(more, []);
    // 64 kbit/s: 3000 bytes are 0.375 s, and begin 1.25 s behind the tag.
    assertMatch(
      warning!.message,
      /^the audio is damaged: 1 places between its MP3 frames were left out, about 0\.\d\d s, the first at 1\.2\d s\.$/,
    );
    assertAlmostEquals(warning!.startSeconds!, 1.24, 0.04);
    assert(samples.length < whole.samples.length && samples.length > 0.8 * whole.samples.length);
  });
});

Deno.test("loadAudio() says after how many seconds an MP3 or Ogg Opus file is cut off", async () => {
  await inFolder(async (folder) => {
    for (const file of ["a.mp3", "a.opus"]) {
      const path = join(folder, file);
      await ffmpeg("-i", WAV, "-b:a", "32k", path);
      const bytes = await Deno.readFile(path);
      assertEquals((await loadAudio(bytes, { decoder: "wasm" })).warnings, [], file);
      const half = bytes.subarray(0, bytes.length / 2);
      const { warnings, durationSeconds } = await loadAudio(half, { decoder: "wasm" });
      const cut = warnings.at(-1)!;
      assertMatch(cut.message, /^the audio is cut off after \d\.\d{3} s/);
      assertAlmostEquals(cut.startSeconds!, durationSeconds, 0.05, file);
      if (file === "a.mp3") {
        const announced = Number(/, (\d\.\d{3}) s were announced\.$/.exec(cut.message)![1]);
        assertAlmostEquals(announced, (await recording(RECORDING)).length / 16000, 0.15);
      }
    }
  });
});

Deno.test("loadAudio() does not take tags, covers and the Xing frame of an MP3 file for sound or damage", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.mp3");
    await ffmpeg("-i", WAV, "-b:a", "64k", "-write_id3v1", "1", path);
    const bytes = await Deno.readFile(path);
    const alone = await loadAudio(bytes, { decoder: "wasm" });
    // An ID3v2 tag with what looks like a frame in it, in front and between two files in a row.
    const tag = new Uint8Array(10 + 2000).fill(0x40);
    tag.set([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 2000 >> 7, 2000 & 127]);
    tag.set(bytes.subarray(bytes.length - 800, bytes.length - 200), 300);
    const twice = new Uint8Array([...tag, ...bytes, ...tag, ...bytes]);
    const { warnings, samples } = await loadAudio(twice, { decoder: "wasm" });
    assertEquals(warnings, []);
    assertAlmostEquals(samples.length, 2 * alone.samples.length, 1200);
  });
});

Deno.test("loadAudio() reads FLAC behind an ID3 tag without ffmpeg", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.flac");
    await ffmpeg("-i", WAV, path);
    const tag = new Uint8Array(10 + 5000);
    tag.set([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 5000 >> 7, 5000 & 127]);
    const bytes = new Uint8Array([...tag, ...await Deno.readFile(path)]);
    const { samples, warnings } = await loadAudio(bytes, { decoder: "wasm" });
    const expected = await recording(RECORDING);
    assert(samples.length === expected.length && isSame(samples.slice(), expected));
    assertEquals(warnings, []);
  });
});

Deno.test("loadAudio() answers broken Opus packets with AudioError or a warning, prints nothing, and goes on", async () => {
  const random = randomNumbers(14);
  const next = (below: number) => Math.floor(random() * below);
  const printed: unknown[] = [];
  const { error: print } = console;
  await inFolder(async (folder) => {
    const path = join(folder, "a.opus");
    await ffmpeg("-i", WAV, "-t", "1", "-c:a", "libopus", "-b:a", "16k", path);
    const original = await Deno.readFile(path);
    const { samples: whole } = await loadAudio(original, { decoder: "wasm" });
    console.error = (...words: unknown[]) => printed.push(words);
    try {
      const outcomes = { refused: 0, warned: 0 };
      for (let round = 0; round < 300; round++) {
        const bytes = original.slice();
        for (let k = next(40); k >= 0; k--) bytes[120 + next(bytes.length - 120)] = next(256);
        try {
          if ((await loadAudio(bytes, { decoder: "wasm" })).warnings.length > 0) outcomes.warned++;
        } catch (error) {
          assert(error instanceof AudioError, `round ${round}: ${error}`);
          outcomes.refused++;
        }
      }
      assertGreater(outcomes.warned, 0);
      assertGreater(outcomes.refused, 0);
    } finally {
      console.error = print;
    }
    assertEquals(printed, []);
    const { samples } = await loadAudio(original, { decoder: "wasm" });
    assert(samples.length === whole.length && isSame(samples.slice(), whole.slice()));
  });
});
