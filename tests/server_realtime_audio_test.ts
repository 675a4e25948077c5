import { assertEquals, assertThrows } from "@std/assert";
import { AudioDecoder } from "../lib/server/realtime/audio_format.ts";
import { decodeG711 } from "../lib/server/realtime/g711.ts";

async function ffmpeg(args: string[], input: Uint8Array): Promise<Uint8Array> {
  const child = new Deno.Command("ffmpeg", {
    args: ["-loglevel", "error", ...args, "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  void writer.write(input).then(() => writer.close());
  const { success, stdout } = await child.output();
  if (!success) throw new Error("ffmpeg failed.");
  return stdout;
}

for (const [law, format] of [["pcmu", "mulaw"], ["pcma", "alaw"]] as const) {
  Deno.test(`${law}: every byte is the sample that ffmpeg makes of it`, async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const raw = ["-ar", "8000", "-ac", "1"];
    const theirs = await ffmpeg(["-f", format, ...raw, "-i", "-", "-f", "s16le", ...raw], bytes);
    assertEquals(decodeG711(law, bytes), new Int16Array(theirs.slice().buffer));
    // And back: the coder finds the byte whose sample it was; mu-law has two zeros.
    const back = await ffmpeg(["-f", "s16le", ...raw, "-i", "-", "-f", format, ...raw], theirs);
    const zeros = law === "pcmu" ? [0x7f] : [];
    assertEquals([...back].filter((byte, at) => byte !== at), zeros.map(() => 0xff));
  });
}

Deno.test("samples that messages cut in two are whole again", () => {
  const bytes = Uint8Array.from({ length: 21 }, (_, at) => 17 * at);
  const whole = new Int16Array(bytes.slice(0, 20).buffer);
  for (const cuts of [[1, 2, 3], [5, 5, 9], [0, 1, 20], [20], [3, 3, 4, 4, 4, 7, 8]]) {
    const decoder = new AudioDecoder({ type: "audio/pcm", rate: 24_000 });
    const parts = [...cuts, 21].map((end, at) => bytes.subarray(cuts[at - 1] ?? 0, end));
    const samples = parts.flatMap((part) => [...decoder.decode(part.toBase64())]);
    assertEquals(Int16Array.from(samples), whole);
  }
  assertThrows(
    () => new AudioDecoder({ type: "audio/pcm", rate: 24_000 }).decode("a_b"),
    Error,
    "not base64",
  );
});
