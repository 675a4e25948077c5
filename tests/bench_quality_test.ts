/**
 * What `deno task quality` counts.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { judge, liesInSpeech, parseTruth, qualityTable, total, wordErrors } from "../bench/quality.ts";
import { Qwen3ASR } from "../mod.ts";
import { loadAudio } from "../mod.ts";
import { speechProbabilities } from "../lib/vad/probabilities.ts";
import { FRAME_SECONDS } from "../lib/vad/frames.ts";
import { fixtures } from "./support/fixtures.ts";
import { loadVad } from "./support/vad_network.ts";

Deno.test("parseTruth() reads start, end and text, and names the line it cannot read", () => {
  assertEquals(parseTruth("start\tend\ttext\n0.5\t1.25\tOne two.\n"), [
    { startSeconds: 0.5, endSeconds: 1.25, text: "One two." },
  ]);
  assertThrows(() => parseTruth("start\tend\ttext\n1\t2\ta\n3\t2\tb\n"), SyntaxError, "line 3");
});

Deno.test("wordErrors() tells invented words from wrong and missing ones", () => {
  assertEquals(wordErrors("one two three", "One, two three."), { words: 3, errors: 0, invented: 0 });
  assertEquals(wordErrors("one two three", "one to three"), { words: 3, errors: 1, invented: 0 });
  assertEquals(wordErrors("one two three", "one three"), { words: 3, errors: 1, invented: 0 });
  assertEquals(wordErrors("one two three", "oh one two and three go"), { words: 3, errors: 3, invented: 3 });
  assertEquals(wordErrors("", "thank you"), { words: 0, errors: 2, invented: 2 });
  // Two replaced, not one missing and one invented: as many errors, nothing made up.
  assertEquals(wordErrors("a b", "b c"), { words: 2, errors: 2, invented: 0 });
});

Deno.test("liesInSpeech() asks for 100 ms of it around the place", () => {
  const probabilities = Float32Array.from({ length: 20 }, (_, frame) => frame >= 5 && frame < 15 ? 0.9 : 0.1);
  const at = (frame: number) => liesInSpeech(frame * FRAME_SECONDS, probabilities);
  assertEquals([4, 5, 6, 7, 10, 13, 14, 15, 16].map(at), [
    ...[false, false, false, true, true, true, false, false, false],
  ]);
});

Deno.test("judge() of a recording that is heard right: all found, nothing invented, and the table says so", async () => {
  await using asr = await Qwen3ASR.load("demo");
  using network = await loadVad();
  const audio = await loadAudio("demo/recordings/dev-01-en.wav");
  const transcript = await asr.transcribe(audio);
  const probabilities = await speechProbabilities(network, audio.samples);
  const { durationSeconds } = transcript;
  const spoken = [{ startSeconds: 0.4, endSeconds: 1.2, text: "I see eleven" }];
  const quality = judge(transcript, probabilities, spoken);
  assertAlmostEquals(quality.truth!.spokenSeconds, 0.8, 1e-9);
  assertAlmostEquals(quality.truth!.otherSeconds, durationSeconds - 0.8, 1e-9);
  const [segment] = transcript.segments;
  assertAlmostEquals(quality.truth!.foundSeconds, 1.2 - Math.max(0.4, segment!.startSeconds), 1e-9);
  assertAlmostEquals(
    quality.truth!.foundSeconds + quality.truth!.falseSeconds,
    segment!.endSeconds - segment!.startSeconds,
    1e-9,
  );
  // I see ten yellow windows: one word is wrong, two are more.
  assertEquals([quality.truth!.words, quality.truth!.wordErrors, quality.truth!.invented], [3, 3, 2]);
  assertEquals([quality.chunks, quality.chunksAgain, quality.cuts], [1, 0, 0]);
  const sum = total([quality, judge(transcript, probabilities, undefined)]);
  assertAlmostEquals(sum.seconds, 2 * durationSeconds, 1e-9);
  assertEquals(sum.truth, quality.truth);
  const lines = qualityTable([["dev-01-en", quality]]).split("\n");
  assertEquals(lines.length, 4);
  assert(
    /^\| dev-01-en \| 3 \| .* \| 3 \| 100\.0 % \| 2 \| - \| - \| 0\.0 % \| [\d.]+ \| 0 of 0 \| complete \|$/
      .test(
        lines[2]!,
      ),
  );
});

Deno.test("deno task quality prints a row for each recording of a folder, with what the truth beside it allows", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const data = await fixtures();
    await Deno.copyFile("demo/recordings/dev-04-en.wav", join(folder, "known.wav"));
    await Deno.copyFile(join(data, "audio", "silence_2p0s.wav"), join(folder, "silent.wav"));
    await Deno.writeTextFile(
      join(folder, "known.tsv"),
      "start\tend\ttext\n0.3\t2.0\tPlease find the brown phone.\n",
    );
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "-q", "quality", folder],
      cwd: join(import.meta.dirname!, ".."),
      env: { NO_COLOR: "1" },
      stderr: "inherit",
    }).output();
    assertEquals(code, 0);
    const rows = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.split(" | "));
    assertEquals(rows.map(([name]) => name), ["| recording", "| ---", "| known", "| silent", "| all"]);
    assertEquals(rows[2]!.slice(4, 7), ["5", "0.0 %", "0"]);
    assert(rows[2]!.slice(7, 9).every((off) => /^(0\.\d\d), \1 s$/.test(off)), rows[2]!.join());
    assertEquals(rows[2]![9], "0.0 %");
    assertEquals(new Set(rows[3]!.slice(2, 10)), new Set(["-"]));
    assertEquals(rows[3]!.at(-1), "no-speech |");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
