import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { containerOf } from "../lib/audio/container.ts";
import { loadAudio } from "../lib/audio/load.ts";
import { AudioError } from "../lib/errors.ts";
import { joinBytes } from "../lib/join_arrays.ts";
import { DEMO, ffmpeg, inFolder } from "./support/audio_signals.ts";
import { post, refusal, start } from "./support/server_start.ts";

const SECRET = join(DEMO, "recordings/dev-01-en.wav");

const utf8 = (text: string) => new TextEncoder().encode(text);

function bytesOf(...parts: (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  return joinBytes(parts.map((part) => typeof part === "string" ? utf8(part) : part));
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** An ISO BMFF box. */
function box(type: string, ...parts: (Uint8Array | string)[]): Uint8Array {
  const body = bytesOf(...parts);
  return bytesOf(uint32(8 + body.length), type, body);
}

/** An EBML element; sizes below 2^28. */
function element(id: string, ...parts: (Uint8Array | string)[]): Uint8Array {
  const body = bytesOf(...parts);
  return bytesOf(Uint8Array.fromHex(id), uint32(0x10000000 + body.length), body);
}

/** An ID3v2 tag with a text frame in it. */
function id3(text: string): Uint8Array {
  const frame = bytesOf("TIT2", uint32(text.length + 1), "\0\0\0", text);
  return bytesOf("ID3\x04\0\0\0\0", new Uint8Array([frame.length >> 7, frame.length & 127]), frame);
}

/** The boxes that lead to the data references of a track. */
const WAY_TO_DREF = ["moov", "trak", "mdia", "minf", "dinf"];

/** A QuickTime film with another data reference, and without its samples when asked. */
function withReference(film: Uint8Array, reference: Uint8Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(film.buffer, film.byteOffset, film.byteLength);
  const boxes: Uint8Array[] = [];
  for (let at = 0; at < film.length;) {
    const size = view.getUint32(at);
    const type = new TextDecoder().decode(film.subarray(at + 4, at + 8));
    const body = film.subarray(at + 8, at + size);
    if (WAY_TO_DREF.includes(type)) boxes.push(box(type, withReference(body, reference)));
    else if (type === "dref") boxes.push(box("dref", uint32(0), uint32(1), reference));
    else if (type !== "mdat") boxes.push(film.subarray(at, at + size));
    at += size;
  }
  return bytesOf(...boxes);
}

/** A Macintosh alias record that leads to a file beside the film, as ffmpeg reads it. */
function alias(name: string): Uint8Array {
  const [path, levels] = [`/${name}`, new Uint8Array([0, 1, 0, 1])];
  const even = path.length + path.length % 2;
  const record = new Uint8Array(8 + even);
  record.set([0, 2, 0, even]);
  record.set(utf8(path), 4);
  record.fill(0xff, 4 + even);
  return box("alis", uint32(0), new Uint8Array(130), levels, new Uint8Array(16), record);
}

function dash(file: string): string {
  return `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static" mediaPresentationDuration="PT2S">
<Period><AdaptationSet mimeType="audio/mp4"><Representation id="0" mimeType="audio/mp4" codecs="mp4a.40.2" bandwidth="64000">
<BaseURL>${file}</BaseURL></Representation></AdaptationSet></Period></MPD>`;
}

function hls(file: string): string {
  return `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\n${file}\n#EXT-X-ENDLIST\n`;
}

function sdp(): string {
  return "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n";
}

/** Texts and films that name another recording, by their names. */
function lists(secretFilm: Uint8Array, file: string, film: string): Record<string, Uint8Array> {
  const aliased = withReference(secretFilm, alias(film));
  const ftyp = new DataView(aliased.buffer).getUint32(0);
  const concat = `ffconcat version 1.0\nfile ${file}\n`;
  const texts: Record<string, string> = {
    "dash.mpd": dash(file),
    "declared.mpd": `<?xml version="1.0"?>\n${dash(file)}`,
    "blanks.mpd": `\n \n${dash(file)}`,
    "comment.mpd": `<!--ftyp-->${dash(file)}`,
    "comment-m4a.mpd": `<!--ftypM4A -->\n${dash(file)}`,
    "moov.mpd": `<!--moov-->${dash(file)}`,
    "hls.m3u8": hls(file),
    "blanks.m3u8": `\r\n ${hls(file)}`,
    "plain.m3u": `${file}\n`,
    "pls.pls": `[playlist]\nFile1=${file}\n`,
    "concat.txt": concat,
    "self.txt": "ffconcat version 1.0\nfile self.txt\n",
    "self.mpd": `<!--ftyp-->${dash("self.mpd")}`,
    "sdp.sdp": sdp(),
    "ftyp.sdp": `v=0\nftyp\n${sdp().slice(4)}`,
    "webvtt.vtt": `WEBVTT\n\n00:00.000 --> 00:01.000\n${file}\n`,
  };
  const marked = Object.entries(texts).map(([name, text]) => [`marked-${name}`, `\uFEFF${text}`]);
  const tagged = Object.entries(texts).map(([name, text]) => [`tagged-${name}.mp3`, bytesOf(id3("x"), text)]);
  return {
    ...Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, utf8(text)])),
    ...Object.fromEntries(marked.map(([name, text]) => [name, utf8(String(text))])),
    ...Object.fromEntries(tagged),
    "alias.mov": aliased,
    // Its index behind: goes through a temporary file when it comes as a stream.
    "alias-late.mov": bytesOf(
      aliased.subarray(0, ftyp),
      box("mdat", new Uint8Array(64)),
      aliased.subarray(ftyp),
    ),
    "list-in-box.mov": bytesOf(box("ftyp", "qt  \0\0\0\0qt  "), box("moov", dash(file))),
    "list-in-chunk.wav": bytesOf("RIFF\xff\0\0\0WAVE", hls(file)),
  };
}

Deno.test("loadAudio() opens no file that a list, a manifest or a film names", async () => {
  await inFolder(async (folder) => {
    const [m4a, mov] = [join(folder, "secret.m4a"), join(folder, "secret.mov")];
    await ffmpeg("-i", SECRET, m4a);
    await ffmpeg("-i", SECRET, "-c:a", "pcm_s16le", mov);
    const film = await Deno.readFile(mov);
    for (const far of [false, true]) {
      // Beside the list, and by its whole path.
      const files = lists(film, far ? m4a : "secret.m4a", far ? mov : "secret.mov");
      for (const [name, bytes] of Object.entries(files)) {
        const path = join(folder, name);
        await Deno.writeFile(path, bytes);
        const stream = new Blob([Uint8Array.from(bytes)]).stream();
        for (const source of [path, stream]) {
          const loading = loadAudio(source, { signal: AbortSignal.timeout(20_000) });
          const outcome = await loading.catch((error) => error);
          assert(outcome instanceof AudioError, `${name}: ${outcome}`);
          assertMatch(outcome.message, /^Cannot read /, name);
        }
      }
    }
  });
});

Deno.test("loadAudio() takes from a film whose samples lie at a URL only bytes of the film", async () => {
  await inFolder(async (folder) => {
    const secret = join(folder, "secret.mov");
    await ffmpeg("-i", SECRET, "-c:a", "pcm_s16le", secret);
    for (const target of ["secret.mov", secret, `file://${secret}`]) {
      const reference = box("url ", uint32(0), target, "\0");
      const film = bytesOf(
        withReference(await Deno.readFile(secret), reference),
        box("mdat", new Uint8Array(32)),
      );
      const path = join(folder, "url.mov");
      await Deno.writeFile(path, film);
      for (const source of [path, film]) {
        const outcome = await loadAudio(source).catch((error) => error);
        // ffmpeg takes the film's own bytes for the samples.
        const ownOnly = outcome instanceof AudioError || outcome.samples.length <= film.length / 2;
        assert(ownOnly, `${target}: ${outcome}`);
      }
    }
  });
});

Deno.test("loadAudio() reads from a Matroska file with linked segments only its own", async () => {
  await inFolder(async (folder) => {
    const uid = (byte: string) => byte.repeat(16);
    const [own, secret] = [join(folder, "own.mkv"), join(folder, "secret.mkv")];
    await ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "1", "-c:a", "pcm_s16le", own);
    await ffmpeg("-i", SECRET, "-c:a", "pcm_s16le", secret);
    const bytes = await Deno.readFile(own);
    // Segment Information that names the next segment goes before the file's own.
    const latin = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const segment = latin.indexOf("\x18\x53\x80\x67");
    const links = element(
      "1549a966",
      element("2ad7b1", new Uint8Array([15, 66, 64])),
      element("73a4", Uint8Array.fromHex(uid("01"))),
      element("3eb923", Uint8Array.fromHex(uid("02"))),
      element("3e83bb", "secret.mkv"),
    );
    const linked = bytesOf(
      bytes.subarray(0, segment + 4),
      Uint8Array.fromHex("01ffffffffffffff"),
      links,
      bytes.subarray(segment + 12),
    );
    const path = join(folder, "linked.mkv");
    await Deno.writeFile(path, linked);
    for (const source of [path, linked]) {
      const { samples } = await loadAudio(source);
      assertEquals([samples.peak, Math.round(samples.durationSeconds)], [0, 1]);
    }
  });
});

Deno.test("loadAudio() reads films, recordings and streams of every usual kind", async () => {
  const kinds: [file: string, options: string, container: string][] = [
    ["a.mov", "-c:a pcm_s16le", "mp4"],
    ["old.mov", "-c:a pcm_s16le -f mov -brand qt", "mp4"],
    ["a.mp4", "-c:a aac", "mp4"],
    ["fragments.mp4", "-c:a aac -movflags +frag_keyframe+empty_moov", "mp4"],
    ["a.3gp", "-c:a aac", "mp4"],
    ["a.mkv", "-c:a flac", "webm"],
    ["a.ts", "-c:a aac", "unknown"],
    ["a.mpg", "-c:a mp2", "unknown"],
    ["a.avi", "-c:a pcm_s16le", "avi"],
    ["a.flv", "-c:a libmp3lame -ar 44100", "unknown"],
    ["a.mp2", "-c:a mp2", "mp3"],
    ["a.ac3", "-c:a ac3", "unknown"],
    ["a.wv", "-c:a wavpack", "unknown"],
    ["a.tta", "-c:a tta", "unknown"],
    ["a.w64", "-c:a pcm_s16le", "unknown"],
    ["a.aifc", "-c:a pcm_s16le -f aiff", "aiff"],
    ["tagged.flac", "-c:a flac", "mp3"],
    ["tagged.aac", "-c:a aac", "mp3"],
  ];
  const { samples: expected } = await loadAudio(SECRET);
  await inFolder(async (folder) => {
    for (const [file, options, container] of kinds) {
      const path = join(folder, file);
      await ffmpeg("-i", SECRET, ...options.split(" "), path);
      if (file.startsWith("tagged")) await Deno.writeFile(path, bytesOf(id3("x"), await Deno.readFile(path)));
      for (const source of [path, await Deno.readFile(path)]) {
        const heard = await loadAudio(source);
        assertEquals(heard.container, container, file);
        assertLess(Math.abs(heard.durationSeconds - expected.durationSeconds), 0.2, file);
        assert(heard.samples.peak > expected.peak / 2, file);
      }
    }
    // A QuickTime film from before `ftyp`, its index behind its samples.
    const film = await Deno.readFile(join(folder, "a.mov"));
    const ftyp = new DataView(film.buffer).getUint32(0);
    const older = bytesOf(box("free", new Uint8Array(ftyp - 8)), film.subarray(ftyp));
    const { container, samples } = await loadAudio(older);
    assertEquals([container, samples.length], ["mov", expected.length]);
  });
});

Deno.test("containerOf() takes no text for a recording", () => {
  const words = ["ftyp", "ftypM4A ", "moov", "mdat", "free", "wide", "WAVE", "AVI ", "AIFF"];
  for (const before of ["<!--", "    ", "\n\n\n\n", "v=0\n", "#abc", "RIFF", "FORM", "\uFEFF<", "RIFFabcd"]) {
    for (const word of words) {
      if (before + word === "RIFFabcdWAVE" || before + word === "RIFFabcdAVI ") continue;
      const kind = containerOf(utf8(`${before}${word}-->\n${dash("a.m4a")}`));
      assert(["playlist", "unknown"].includes(kind), `${before}${word}: ${kind}`);
    }
  }
  assertEquals(containerOf(utf8("\uFEFF \n<!DOCTYPE html>")), "web page");
});

Deno.test("serve() answers 400 to an upload that names another recording, by file and by file_path", async () => {
  await inFolder(async (folder) => {
    const [m4a, mov] = [join(folder, "secret.m4a"), join(folder, "secret.mov")];
    await ffmpeg("-i", SECRET, m4a);
    await ffmpeg("-i", SECRET, "-c:a", "pcm_s16le", mov);
    const allowed = join(folder, "allowed");
    await Deno.mkdir(allowed);
    await using server = await start({ allowPaths: [allowed] });
    for (const [name, bytes] of Object.entries(lists(await Deno.readFile(mov), m4a, mov))) {
      const form = new FormData();
      form.append("file", new File([Uint8Array.from(bytes)], name));
      const path = join(allowed, name);
      await Deno.writeFile(path, bytes);
      const json = { headers: { "content-type": "application/json" } };
      for (
        const response of [
          await post(server, form),
          await post(server, JSON.stringify({ file_path: path }), json),
        ]
      ) {
        const answer = await refusal(response);
        assertEquals([answer.status, answer.code], [400, "invalid_audio"], name);
        assertStringIncludes(String(answer.message), "Cannot read", name);
      }
    }
  });
});
