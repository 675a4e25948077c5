import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Qwen3ASR } from "../mod.ts";
import { recordingPath } from "./support/demo_files.ts";

/** What ffmpeg is told, by file ending. */
const FORMATS: Record<string, string[]> = {
  mp3: ["-c:a", "libmp3lame", "-b:a", "96k"],
  m4a: ["-c:a", "aac", "-b:a", "96k"],
  mp4: ["-c:a", "aac", "-b:a", "96k"],
  aac: ["-c:a", "aac", "-b:a", "96k"],
  flac: [],
  ogg: ["-c:a", "libvorbis", "-q:a", "5"],
  opus: ["-c:a", "libopus", "-b:a", "64k"],
  webm: ["-c:a", "libopus", "-b:a", "64k"],
  "44100.wav": ["-ar", "44100", "-ac", "2"],
};

Deno.test("a recording has the WAV's text in every format, from a path and from a stream", async () => {
  await using asr = await Qwen3ASR.load("demo");
  const folder = await Deno.makeTempDir({ prefix: "qwen3-asr-formats-" });
  try {
    for (const name of ["dev-22-en.wav", "dev-20-de.wav"]) {
      const source = recordingPath(name);
      const expected = (await asr.transcribe(source)).text;
      for (const [ending, flags] of Object.entries(FORMATS)) {
        const path = join(folder, `${name}.${ending}`);
        const { code, stderr } = await new Deno.Command("ffmpeg", {
          args: ["-nostdin", "-v", "error", "-i", source, ...flags, path],
          stderr: "piped",
        }).output();
        assertEquals(code, 0, new TextDecoder().decode(stderr));
        assertEquals((await asr.transcribe(path)).text, expected, path);
        const stream = (await Deno.open(path)).readable;
        assertEquals((await asr.transcribe(stream)).text, expected, `stream of ${path}`);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
