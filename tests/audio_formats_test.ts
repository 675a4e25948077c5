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
import { AudioError, OptionError } from "../lib/errors.ts";
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
    assertMatch(warnings[0]!.message, /^the audio is damaged: ffmpeg says ".+" \(\d+ lines in all\)/);
    assertGreater(samples.durationSeconds, 2);
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

Deno.test("loadAudio() hears the default track of a film and says that there are others", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "two.mkv");
    const english = join(DEMO, "recordings", "dev-01-en.wav");
    const both = ["-i", english, "-i", WAV, "-map", "0:a", "-map", "1:a", "-c:a", "flac"];
    const languages = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger"];
    await ffmpeg(...both, ...languages, "-disposition:a:0", "0", "-disposition:a:1", "default", path);
    const [first, second] = [await recording("dev-01-en.wav"), await recording(RECORDING)];
    for (const source of [() => path, () => openStream(path)]) {
      const heard = await loadAudio(await source());
      assert(heard.samples.length === second.length && isSame(heard.samples.slice(), second));
      const [warning, ...more] = heard.warnings;
      assertEquals([warning!.code, more], ["audio-selected", []]);
      assertMatch(
        warning!.message,
        / has 2 audio tracks, 1 \(English\), 2 \(German, default\): track 2 was heard; choose another by `track`/,
      );
      for (const track of [1, "1", "en", "eng", "English"]) {
        const { samples, warnings } = await loadAudio(await source(), { track });
        assert(samples.length === first.length && isSame(samples.slice(), first), `${track}`);
        assertEquals(warnings, []);
      }
      for (const track of ["de", "ger", "deu", "german"]) {
        assertEquals((await loadAudio(await source(), { track })).samples.length, second.length, track);
      }
    }
    const none = await assertRejects(() => loadAudio(path, { track: 3 }), AudioError);
    assertMatch(none.message, /there is no audio track 3; there are 1 \(English\), 2 \(German, default\)\.$/);
    const french = await assertRejects(() => loadAudio(path, { track: "fr" }), AudioError);
    assertMatch(
      french.message,
      /it has no audio track in fr; there are 1 \(English\), 2 \(German, default\)\.$/,
    );
    await assertRejects(
      () => loadAudio(WAV, { track: 2 }),
      AudioError,
      "there is no audio track 2, it has one",
    );
    await assertRejects(() => loadAudio(WAV, { track: 0 }), OptionError, "Cannot use track 0");
  });
});

Deno.test("loadAudio() makes silence of gaps and late starts, by the container's clock, and of nothing else", async () => {
  const sound = await recording(RECORDING);
  await inFolder(async (folder) => {
    const [late, gap, long] = ["late.mp4", "gap.mkv", "long.mkv"].map((name) => join(folder, name));
    const picture = ["-f", "lavfi", "-i", "color=c=red:s=32x32:r=5:d=9"];
    await ffmpeg("-itsoffset", "5", "-i", WAV, ...picture, "-c:a", "alac", "-c:v", "mpeg4", late!);
    const at = await loadAudio(late!);
    assertEquals(at.warnings, []);
    assertAlmostEquals(at.samples.length, 5 * 16000 + sound.length, 16);
    const start = at.samples.length - sound.length;
    assert(isSame(at.samples.slice(start), sound));
    assert(at.samples.slice(0, start).every((x) => x === 0));
    // Ten seconds between the first second and the rest.
    const pause = (seconds: number) => ["-af", `asetpts='PTS+gte(T,1)*${seconds}/TB'`, "-c:a", "pcm_s16le"];
    await ffmpeg("-i", WAV, ...pause(10), gap!);
    for (const source of [gap!, await openStream(gap!)]) {
      const heard = (await loadAudio(source)).samples;
      assertAlmostEquals(heard.length, 10 * 16000 + sound.length, 16);
      const cut = [...heard.slice()].findIndex((_, i) =>
        i >= 15000 && heard.slice(i, i + 4000).every((x) => x === 0)
      );
      assert(isSame(heard.slice(0, cut), sound.slice(0, cut)));
      const rest = heard.length - (sound.length - cut);
      assert(isSame(heard.slice(rest), sound.slice(cut)));
    }
    // A clock that jumps by hours would fill the memory.
    await ffmpeg("-i", WAV, ...pause(7200), long!);
    const jumped = await loadAudio(long!);
    assertEquals(jumped.samples.length, sound.length);
    assertEquals(jumped.warnings.length, 1);
    assertMatch(jumped.warnings[0]!.message, /^The clock of .* jumps by 7200\.0 s at one place: /);
  });
});

Deno.test("loadAudio() counts the silence of gaps before it takes memory for it", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "gap.mkv");
    await ffmpeg("-i", WAV, "-af", "asetpts='PTS+gte(T,1)*250/TB'", "-c:a", "pcm_s16le", path);
    let taken = 0;
    const reserve = (bytes: number) => {
      if (taken + bytes > 2_000_000) throw new Error("full");
      taken += bytes;
    };
    await assertRejects(() => loadAudio(path, { reserve }), Error, "full");
    await assertRejects(() => loadAudio(path, { maxDurationSeconds: 60 }), AudioError, "longer than 60 s");
  });
});

Deno.test("loadAudio() takes no broken cover and no Xing frame for damage", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.mp3");
    await ffmpeg("-i", WAV, "-b:a", "64k", "-id3v2_version", "0", path);
    const bytes = await Deno.readFile(path);
    assertEquals((await loadAudio(bytes)).warnings, []);
    for (const kind of ["image/jpeg", "image/png"]) {
      const picture = new TextEncoder().encode(`\0${kind}\0\x03\0${"this is no picture ".repeat(20)}`);
      const frame = new Uint8Array([
        0x41,
        0x50,
        0x49,
        0x43,
        0,
        0,
        picture.length >> 8,
        picture.length & 255,
        0,
        0,
      ]);
      const size = frame.length + picture.length;
      const tag = new Uint8Array([
        0x49,
        0x44,
        0x33,
        3,
        0,
        0,
        0,
        0,
        size >> 7,
        size & 127,
        ...frame,
        ...picture,
      ]);
      const file = new Uint8Array([...tag, ...bytes]);
      await Deno.writeFile(path, file);
      for (const source of [path, file]) assertEquals((await loadAudio(source)).warnings, [], kind);
    }
  });
});

Deno.test("loadAudio() reads raw samples when it is told what they are, and says how to tell it", async () => {
  const sound = await recording(RECORDING);
  const formats = ["s16le", "s16be", "s24le", "s32be", "f32le", "f64be", "u8", "mulaw"];
  for (const format of formats) {
    const { stdout } = await new Deno.Command("ffmpeg", {
      args: ["-v", "error", "-i", WAV, "-ac", "2", "-f", format, "-"],
    }).output();
    const { samples, sourceChannels, container } = await loadAudio(stdout, { raw: `${format}:16000:2` });
    assertEquals([samples.length, sourceChannels, container], [sound.length, 2, "raw"], format);
    assertGreater(correlation(sound, samples.slice()), 0.99, format);
  }
  const raw = new Uint8Array(Int16Array.from(sound, (x) => x * 32768).buffer);
  const error = await assertRejects(() => loadAudio(raw), AudioError);
  assertMatch(error.message, /\(raw samples need their format, --raw s16le:16000 or `raw` in the API\)\.$/);
  for (
    const bad of [
      "s16le",
      "s16:16000",
      "s16le:0",
      "s16le:16000:0",
      "pcm:16000",
      "s16le:16000:1:1",
      "s8:16000",
    ]
  ) {
    await assertRejects(() => loadAudio(raw, { raw: bad }), OptionError, `Cannot use raw "${bad}"`);
  }
});
