import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { join } from "@std/path";
import { containerOf, needsSeeking } from "../lib/audio/container.ts";
import { decodeAfconvertBlocks } from "../lib/audio/decode_afconvert.ts";
import { loadAudio } from "../lib/audio/load.ts";
import { FfmpegLog } from "../lib/audio/ffmpeg_log.ts";
import { AudioError } from "../lib/errors.ts";
import { correlation, DEMO, ffmpeg, inFolder, isSame, recording } from "./support/audio_signals.ts";

const RECORDING = "dev-23-de.wav";
const WAV = join(DEMO, "recordings", RECORDING);

/** Name of the file, what ffmpeg is told, and the container we must find. */
const FORMATS: [file: string, options: string, container: string][] = [
  ["a.mp3", "-c:a libmp3lame -b:a 96k", "mp3"],
  ["a.m4a", "-c:a aac -b:a 96k", "m4a"],
  ["fast.m4a", "-c:a aac -b:a 96k -movflags +faststart", "m4a"],
  ["a.aac", "-c:a aac -b:a 96k", "aac"],
  ["a.flac", "-c:a flac", "flac"],
  ["vorbis.ogg", "-c:a libvorbis -b:a 96k", "ogg"],
  ["a.opus", "-c:a libopus -b:a 64k", "ogg"],
  ["flac.ogg", "-c:a flac", "ogg"],
  ["a.webm", "-c:a libopus -b:a 64k", "webm"],
  ["a.mkv", "-c:a pcm_s16le", "webm"],
  ["alac.m4a", "-c:a alac", "m4a"],
  ["a.aiff", "-c:a pcm_s16be", "aiff"],
  ["a.caf", "-c:a pcm_s16le", "caf"],
  ["a.au", "-c:a pcm_s16be", "au"],
  ["a.wma", "-c:a wmav2 -b:a 96k", "wma"],
  ["adpcm.wav", "-c:a adpcm_ima_wav -ar 22050", "wav"],
];
const LOSSLESS = ["a.flac", "flac.ogg", "a.mkv", "alac.m4a", "a.aiff", "a.caf", "a.au"];

async function openStream(path: string): Promise<ReadableStream<Uint8Array>> {
  return (await Deno.open(path)).readable;
}

Deno.test("loadAudio() hears the WAV's samples in every format, from a file and from a stream", async () => {
  const expected = await recording(RECORDING);
  await inFolder(async (folder) => {
    for (const [file, options, container] of FORMATS) {
      const path = join(folder, file);
      await ffmpeg("-i", WAV, ...options.split(" "), path);
      const fromFile = await loadAudio(path);
      assertEquals([fromFile.container, fromFile.warnings], [container, []], file);
      assertAlmostEquals(fromFile.durationSeconds, expected.length / 16000, 0.15, file);
      const heard = fromFile.samples.slice();
      if (LOSSLESS.includes(file)) assert(heard.length === expected.length && isSame(heard, expected), file);
      assertGreater(correlation(expected, heard), 0.99, file);
      const fromStream = await loadAudio(await openStream(path));
      // Only a file can be asked how much padding its end has.
      assertLess(Math.abs(fromStream.samples.length - heard.length), 1200, file);
      assert(isSame(fromStream.samples.slice(0, heard.length), heard), `${file} as a stream`);
    }
  });
});

Deno.test("loadAudio() gives exactly the WAV's samples when stereo at 44.1 kHz comes as FLAC", async () => {
  await inFolder(async (folder) => {
    const [wav, flac] = [join(folder, "a.wav"), join(folder, "a.flac")];
    await ffmpeg("-i", WAV, "-ar", "44100", "-ac", "2", wav);
    await ffmpeg("-i", wav, flac);
    const [fromWav, fromFlac] = [await loadAudio(wav), await loadAudio(flac)];
    assertEquals([fromFlac.sourceSampleRate, fromFlac.sourceChannels], [44100, 2]);
    assertEquals(fromFlac.samples.length, fromWav.samples.length);
    assert(isSame(fromFlac.samples.slice(), fromWav.samples.slice()));
  });
});

Deno.test("loadAudio() takes the sound of a film and says so when a film has none", async () => {
  await inFolder(async (folder) => {
    const [film, silent] = [join(folder, "a.mp4"), join(folder, "silent.mp4")];
    const picture = ["-f", "lavfi", "-i", "color=c=red:s=32x32:r=5:d=4"];
    await ffmpeg(...picture, "-i", WAV, "-c:v", "mpeg4", "-c:a", "aac", film);
    await ffmpeg(...picture, "-c:v", "mpeg4", silent);
    const { container, samples } = await loadAudio(film);
    assertEquals(container, "mp4");
    assertGreater(correlation(await recording(RECORDING), samples.slice()), 0.99);
    const error = await assertRejects(() => loadAudio(silent), AudioError);
    assertMatch(error.message, /^Cannot read .*silent\.mp4: there is no audio in it\.$/);
  });
});

Deno.test("loadAudio() takes paths that ffmpeg could misread", async () => {
  await inFolder(async (folder) => {
    const plain = join(folder, "a.flac");
    await ffmpeg("-i", WAV, plain);
    for (const name of ["-i.flac", "pipe:0", "concat:a|b", "%03d.flac", "grün 'x'.flac"]) {
      await Deno.copyFile(plain, join(folder, name));
      const { samples } = await loadAudio(join(folder, name));
      assertEquals(samples.length, (await recording(RECORDING)).length, name);
    }
  });
});

/** From version 7 on decoder and filter run in threads of their own: how far the sound is may come after a complaint. */
async function ffmpegTellsPlaces(): Promise<boolean> {
  const { stdout } = await new Deno.Command("ffmpeg", { args: ["-version"] }).output();
  return Number(/version n?(\d+)/.exec(new TextDecoder().decode(stdout))?.[1]) < 7;
}

Deno.test("loadAudio() passes on what ffmpeg says about a damaged file", async () => {
  await inFolder(async (folder) => {
    const [m4a, flac] = [join(folder, "a.m4a"), join(folder, "a.flac")];
    await ffmpeg("-i", WAV, m4a);
    await ffmpeg("-i", WAV, flac);
    const bytes = await Deno.readFile(m4a);
    // Without its last part, where the index is.
    await Deno.writeFile(m4a, bytes.subarray(0, bytes.length / 2));
    const error = await assertRejects(() => loadAudio(m4a), AudioError);
    assertMatch(error.message, /^Cannot read .*a\.m4a: ffmpeg says ".*"\.$/);
    const damaged = await Deno.readFile(flac);
    damaged.fill(0x55, 20000, 24000);
    const { warnings, samples } = await loadAudio(damaged);
    assertEquals(warnings.length, 1);
    assertMatch(
      warnings[0]!.message,
      /^the audio is damaged(?: at about \d\.\d s)?: ffmpeg says ".+" \(\d+ lines in all\)/,
    );
    assertGreater(samples.durationSeconds, 2);
    if (!await ffmpegTellsPlaces()) return;
    assertMatch(warnings[0]!.message, /damaged at about/);
    // ffmpeg's reader of FLAC looks some frames of 0.3 s ahead, and complains before they are decoded.
    const place = (20000 / damaged.length) * (await recording(RECORDING)).length / 16000;
    assertAlmostEquals(warnings[0]!.startSeconds!, place, 0.6);
    // In a container with a clock, silence that is made of a late start counts.
    const late = join(folder, "late.mkv");
    const picture = ["-f", "lavfi", "-i", "color=c=red:s=32x32:r=5:d=9", "-c:v", "mpeg4"];
    await ffmpeg("-itsoffset", "5", "-i", WAV, ...picture, "-c:a", "aac", "-b:a", "64k", late);
    const inside = await Deno.readFile(late);
    inside.fill(0xff, inside.length / 2, inside.length / 2 + 1000);
    const after = (await loadAudio(inside)).warnings[0]!;
    assertAlmostEquals(after.startSeconds!, 5 + samples.durationSeconds / 2, 0.6);
  });
});

Deno.test("loadAudio() stops decoding a small file with hours of silence at maxDurationSeconds", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "bomb.flac");
    await ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "7200", path);
    assertLess((await Deno.stat(path)).size, 2_000_000);
    for (const source of [path, await openStream(path)]) {
      const error = await assertRejects(() => loadAudio(source, { maxDurationSeconds: 60 }), AudioError);
      assertMatch(error.message, /it is longer than 60 s/);
    }
    const { durationSeconds } = await loadAudio(path, { range: { startSeconds: 10, endSeconds: 20 } });
    assertEquals(durationSeconds, 10);
  });
});

Deno.test("loadAudio() ends ffmpeg when it is aborted, also while the stream stalls", async () => {
  const flac = await new Deno.Command("ffmpeg", { args: ["-v", "error", "-i", WAV, "-f", "flac", "-"] })
    .output();
  for (const afterMs of [0, 5, 30, 100]) {
    const stalling = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(flac.stdout),
      pull: () => new Promise(() => {}),
    }, { highWaterMark: 0 });
    const signal = AbortSignal.timeout(afterMs);
    // What is left open here would fail the test: the child, its pipes, the timer.
    const error = await assertRejects(() => loadAudio(stalling, { signal }), DOMException);
    assertEquals(error.name, "TimeoutError");
  }
});

Deno.test("loadAudio() reports the stream's own error rather than ffmpeg's", async () => {
  const flac = await new Deno.Command("ffmpeg", { args: ["-v", "error", "-i", WAV, "-f", "flac", "-"] })
    .output();
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(flac.stdout.subarray(0, 30000)),
    pull: () => Promise.reject(new Error("connection lost")),
  }, { highWaterMark: 0 });
  const error = await assertRejects(() => loadAudio(broken), AudioError);
  assertEquals(
    error.message,
    "Cannot read the audio: the stream broke off after 30000 bytes (connection lost).",
  );
});

Deno.test("loadAudio() names what to install when there is no decoder", async () => {
  const mka = await new Deno.Command("ffmpeg", { args: ["-v", "error", "-i", WAV, "-f", "matroska", "-"] })
    .output();
  const named = await assertRejects(
    () => loadAudio(mka.stdout, { ffmpegPath: "/nowhere/ffmpeg" }),
    AudioError,
  );
  assertEquals(named.message, "Cannot read the audio: there is no ffmpeg at /nowhere/ffmpeg.");
  const script = `import { loadAudio } from ${
    JSON.stringify(new URL("../lib/audio/load.ts", import.meta.url).href)
  };
    await loadAudio("-").catch((error) => console.log(error.name + ": " + error.message));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", script],
    env: { PATH: "/nowhere" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(mka.stdout);
  await writer.close();
  const { stdout } = await child.output();
  assertMatch(
    new TextDecoder().decode(stdout),
    /^AudioError: Cannot read standard input: decoding webm needs ffmpeg, which was not found: install it \(/,
  );
});

Deno.test("decodeAfconvertBlocks() reads what a stand-in for afconvert writes, and passes on its words", async () => {
  await inFolder(async (folder) => {
    const command = join(folder, "afconvert");
    // -f WAVE -d LEF32 IN OUT
    await Deno.writeTextFile(
      command,
      '#!/bin/sh\nexec ffmpeg -v error -y -i "$5" -c:a pcm_f32le -f wav "$6"\n',
    );
    await Deno.chmod(command, 0o755);
    const flac = join(folder, "a.flac");
    await ffmpeg("-i", WAV, flac);
    const heard: number[] = [];
    for await (const block of decodeAfconvertBlocks(flac, { name: "a.flac", command, warnings: [] })) {
      heard.push(...block.interleaved);
    }
    assertEquals(Float32Array.from(heard), await recording(RECORDING));
    const text = join(folder, "a.txt");
    await Deno.writeTextFile(text, "no sound");
    const error = await assertRejects(async () => {
      for await (const _ of decodeAfconvertBlocks(text, { name: "a.txt", command, warnings: [] }));
    }, AudioError);
    assertMatch(error.message, /^Cannot read a\.txt: afconvert says ".*Invalid data.*"\.$/);
  });
});

Deno.test("needsSeeking() is true only where the index may stand behind the samples", async () => {
  await inFolder(async (folder) => {
    const cases: [string, string[], boolean][] = [
      ["late.m4a", [], true],
      ["fast.m4a", ["-movflags", "+faststart"], false],
      ["fragments.mp4", ["-movflags", "+frag_keyframe+empty_moov"], false],
      ["a.caf", ["-c:a", "pcm_s16le"], true],
      ["a.mp3", [], false],
    ];
    for (const [file, options, expected] of cases) {
      const path = join(folder, file);
      await ffmpeg("-i", WAV, ...options, path);
      const start = (await Deno.readFile(path)).subarray(0, 4096);
      assertEquals(needsSeeking(start, containerOf(start)), expected, file);
    }
  });
  assert(needsSeeking(new TextEncoder().encode("\0\0\0\x08ftyp\0\0\0\x07free"), "mp4"));
});

Deno.test("what ffmpeg 7 writes around its words is left out", async () => {
  const complaints = async (...lines: string[]) => {
    const stderr = new Blob([lines.join("\n")]).stream();
    return (await new FfmpegLog({ isPipe: false, inputName: "a.wav" }).read(stderr)).complaints
      .map(({ words }) => words);
  };
  // Lines of 7.1.
  assertEquals(
    await complaints(
      "[in#0 @ 0x557c3ebbffc0] [error] Error opening input: Invalid data found when processing input",
      "[error] Error opening input file a.wav.",
      "[fatal] Error opening input files: Invalid data found when processing input",
    ),
    ["Invalid data found when processing input", "Invalid data found when processing input"],
  );
  assertEquals(
    await complaints(
      "[out#0/s16le @ 0x55cccfedfbc0] [error] Output file does not contain any stream",
      "[error] Error opening output file -.",
    ),
    ["Output file does not contain any stream"],
  );
  // What a decoder of pictures says is not about the sound, whoever passes it on.
  assertEquals(
    await complaints(
      "[info]   Stream #0:0: Video: h264, yuv420p",
      "[h264 @ 0x1] [error] error while decoding MB 1 2",
      "[vist#0:0/h264 @ 0x2] [dec:h264 @ 0x3] [error] Decoding error: Invalid data found",
      "[aist#0:1/aac @ 0x2] [dec:aac @ 0x3] [error] Decoding error: Invalid data found",
    ),
    ["Decoding error: Invalid data found"],
  );
});
