import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { join } from "@std/path";
import * as mx from "../ffi/mod.ts";
import { formatParity, runParity } from "../scripts/parity.ts";
import { Folder, ROOT } from "./support/cli_process.ts";
import { fixtures } from "./support/fixtures.ts";

Deno.test("every stage of every case equals the official code's numbers within its tolerance", async () => {
  const rows = await runParity(await fixtures());
  const misses = rows.filter(({ ok }) => !ok);
  assertEquals(misses.length, 0, formatParity(misses));
  // 8 clips on 5 model folders, with all the numbers that the cases hold.
  assertEquals(rows.length, 484);
  assertEquals(new Set(rows.map(({ model }) => model)).size, 5);
  for (const stage of ["mel", "audio_embeds", "auto.prefill_logits", "auto.step_logits", "auto.greedy_ids"]) {
    assert(rows.some((row) => row.stage === stage), `${stage} was compared`);
  }
});

Deno.test("encoder attention stays inside its windows: the full-attention values are not matched", async () => {
  const rows = await runParity(await fixtures(), {
    models: ["tiny-hf"],
    clips: ["speech_8p01s", "speech_31p0s"],
  });
  const wrong = rows.filter(({ stage }) => stage.startsWith("not WRONG"));
  assertEquals(wrong.length, 2);
  for (const row of wrong) assert(row.difference > 1, `${row.clip}: ${row.difference}`);
  for (const row of rows.filter(({ stage }) => stage === "audio_embeds")) assertLess(row.difference, 2e-4);
});

/** Lays links to some of the fixtures into a folder as parity.ts reads it. */
async function linkFixtures(folder: Folder, paths: readonly string[]): Promise<void> {
  for (const part of ["models", "cases", "audio"]) await Deno.mkdir(folder.at(part));
  for (const path of paths) await Deno.symlink(join(await fixtures(), path), folder.at(path));
}

async function parityScript(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", join(ROOT, "scripts/parity.ts"), ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("parity.ts runs what a folder has, and says which cases and models go without the other", async () => {
  await using folder = await Folder.make();
  const cases = ["sweep_0p437s.q8", "sweep_0p437s.f32"];
  await linkFixtures(folder, [
    "models/tiny-mlx-8bit",
    "models/tiny-mlx-4bit",
    "models/tiny-aligner-hf",
    "audio/sweep_0p437s.wav",
    ...cases.flatMap((name) => [`cases/${name}.json`, `cases/${name}.safetensors`]),
  ]);
  const { code, stdout, stderr } = await parityScript(folder.path);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^ok +tiny-mlx-8bit +sweep_0p437s +auto\.step_logits +[\d.e+-]+ <= 0\.005$/m);
  assertMatch(stdout, /\n5 comparisons, 0 misses\n$/);
  assertEquals(stderr.trim().split("\n"), [
    "Not compared: model tiny-mlx-4bit, because cases/ has no file CLIP.q4.safetensors.",
    "Not compared: cases of variant f32, because models/ has no such model.",
  ]);
});

Deno.test("parity.ts says in one sentence that there is nothing to compare, and fails", async () => {
  await using folder = await Folder.make();
  const says = async (place: string, why: string) => {
    const { code, stdout, stderr } = await parityScript(place);
    assertEquals([code, stdout, stderr], [1, "", `Cannot compare anything in ${place}: ${why}.\n`]);
  };
  await says(folder.at("nowhere"), "models/ has no folder of a speech recognition model");
  await linkFixtures(folder, ["models/tiny-hf"]);
  await says(folder.path, "cases/ has no file CLIP.VARIANT.safetensors");
  await Deno.symlink(
    join(await fixtures(), "cases/sweep_0p437s.q4.safetensors"),
    folder.at("cases/a.q4.safetensors"),
  );
  const { code, stderr } = await parityScript(folder.path);
  assertEquals(code, 1);
  assertMatch(stderr, /\nCannot compare anything in .+: no case is of the variant of a model\.\n$/);
  assertEquals((await parityScript(folder.path, "--model-dir", "x=y")).code, 2);
});

Deno.test("numbers known to be wrong must differ by ten tolerances, and need not differ by more", async () => {
  await using folder = await Folder.make();
  await linkFixtures(folder, ["models/tiny-hf"]);
  const source = join(await fixtures(), "cases/sweep_0p437s.f32.safetensors");
  const distances = { near: 1e-4, far: 0.35 };
  using stream = new mx.Stream("cpu");
  for (const [clip, distance] of Object.entries(distances)) {
    await Deno.symlink(join(await fixtures(), "audio/sweep_0p437s.wav"), folder.at(`audio/${clip}.wav`));
    await folder.put(`cases/${clip}.f32.json`, "{}");
    mx.onStream(stream, () =>
      mx.scope(() => {
        const right = mx.loadSafetensors(source, ["audio_embeds"]).get("audio_embeds")!;
        const wrong = mx.add(right, mx.scalar(distance));
        mx.saveSafetensors(
          folder.at(`cases/${clip}.f32.safetensors`),
          new Map([["WRONG_full_attention_audio_embeds", wrong]]),
        );
      }));
  }
  const rows = await runParity(folder.path);
  assertEquals(rows.map(({ clip, ok }) => [clip, ok]), [["far", true], ["near", false]]);
});
