/**
 * What ffmpeg is asked for beside decoding: tracks, the container's clock, silence about pictures; and raw samples.
 *
 * @module
 */
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
import { AudioError, OptionError } from "../lib/errors.ts";
import { correlation, DEMO, ffmpeg, inFolder, isSame, recording } from "./support/audio_signals.ts";

const RECORDING = "dev-23-de.wav";
const WAV = join(DEMO, "recordings", RECORDING);

async function openStream(path: string): Promise<ReadableStream<Uint8Array>> {
  return (await Deno.open(path)).readable;
}

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

Deno.test("loadAudio() says that the default track is silent where another one may be meant", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "silent.mkv");
    const silence = ["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=4"];
    await ffmpeg(...silence, "-i", WAV, "-map", "0:a", "-map", "1:a", "-c:a", "flac", path);
    const { samples, warnings } = await loadAudio(path);
    assert(samples.slice().every((x) => x === 0));
    assertMatch(
      warnings[0]!.message,
      / has 2 audio tracks, 1 \(default\), 2: track 1 was heard and is silent; choose another by `track`/,
    );
    assertEquals((await loadAudio(path, { track: 2 })).warnings, []);
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
  assertMatch(error.message, /raw samples need their format, --raw s16le:16000 or `raw` in the API\)\.$/);
  const loud = new Uint8Array(Float32Array.from(sound, (x) => 2 * x).buffer);
  assertMatch((await assertRejects(() => loadAudio(loud), AudioError)).message, /--raw s16le:16000/);
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

/** CRC-32 of an Ogg page (RFC 3533, section 6), high bit first. */
function oggChecksum(page: Uint8Array): number {
  let sum = 0;
  for (const byte of page) {
    sum ^= byte << 24;
    for (let k = 0; k < 8; k++) sum = sum & 0x80000000 ? (sum << 1) ^ 0x04c11db7 : sum << 1;
  }
  return sum >>> 0;
}

Deno.test("loadAudio() makes no silence of a bad Opus packet, whose length ffmpeg guesses", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.opus");
    await ffmpeg("-i", WAV, "-c:a", "libopus", "-b:a", "32k", path);
    const bytes = await Deno.readFile(path);
    const whole = await loadAudio(bytes, { decoder: "ffmpeg" });
    const starts = [...bytes.keys()].filter((at) =>
      new TextDecoder().decode(bytes.subarray(at, at + 4)) === "OggS"
    );
    const [start, end] = [starts[2]!, starts[3] ?? bytes.length];
    const page = bytes.subarray(start, end);
    // A packet of many frames that does not have them.
    page.set([0xff, 0x3f, 0xff, 0xff], 27 + page[26]! + page[27]!);
    page.fill(0, 22, 26);
    new DataView(page.buffer, page.byteOffset).setUint32(22, oggChecksum(page), true);
    const { durationSeconds, warnings } = await loadAudio(bytes, { decoder: "ffmpeg" });
    assertGreater(whole.durationSeconds + 0.1, durationSeconds);
    assertEquals(warnings.length, 1);
  });
});
