import { assert, assertEquals, assertLess } from "@std/assert";
import { formatParity, runParity } from "../scripts/parity.ts";
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
