import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { mutated, seedOf } from "../bench/fuzz/mutate.ts";
import { parseModelName } from "../lib/hub/names.ts";
import { loadAudio } from "../mod.ts";
import { AudioError, OptionError } from "../lib/errors.ts";

const FUZZ = new URL("../bench/fuzz.ts", import.meta.url).pathname;

/** Runs bench/fuzz.ts. */
async function fuzz(...args: readonly string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", FUZZ, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("every parser stands 30 damaged inputs", async () => {
  const { code, text } = await fuzz("--inputs", "30", "--seed", "7");
  assertEquals([code, /: 0 findings, at most \d+ MB/.test(text)], [0, true], text);
  for (const target of ["wav", "form", "json", "config", "safetensors", "tokenizer", "journal", "writers"]) {
    assert(new RegExp(`^${target} +30 inputs, \\d+ refused$`, "m").test(text), `${target}: ${text}`);
  }
});

Deno.test("fuzz tells what crashes, hangs, takes memory or fails later, with bytes, and goes on", async () => {
  const { code, text } = await fuzz("--target", "selftest", "--inputs", "5");
  assertEquals(code, 1, text);
  for (
    const what of ["TypeError: a crash", "no end after 2 s", "MB resident, the limit is 500", "nobody caught"]
  ) {
    assert(text.includes(what), `${what}: ${text}`);
  }
  assertEquals(text.match(/^ {2}bytes, base64: [A-Za-z0-9+/=]+$/gm)?.length, 4, text);
  assertEquals(
    text.match(/^ {2}again: deno task fuzz --seed 1 --target selftest --from \d --inputs 1$/gm)?.length,
    4,
  );
  assert(/^selftest +5 inputs/m.test(text), text);
});

Deno.test("a seed gives the same bytes, another seed or input others", () => {
  const valid = [new TextEncoder().encode('{"a": [1, 2, 3]}'), new Uint8Array(300).fill(7)];
  const inputs = (seed: number) =>
    Array.from({ length: 200 }, (_, i) => mutated(valid, seedOf(seed, "json", i)).toBase64());
  assertEquals(inputs(1), inputs(1));
  assert(new Set(inputs(1)).size > 190);
  assert(new Set([...inputs(1), ...inputs(2)]).size > 380);
});

Deno.test("what fuzzing found: a FLAC file that ends between two headers, a file address with a stray %", async () => {
  const flac = Uint8Array.from([0x66, 0x4c, 0x61, 0x43, 1, 0, 0, 2, 0, 0]);
  await assertRejects(() => loadAudio(flac, { decoder: "wasm" }), AudioError, "FLAC header is cut off");
  assertThrows(() => parseModelName("file:///a%"), OptionError, 'a "%" is written "%25"');
  assertThrows(() => parseModelName("file://host/a"), OptionError);
});

Deno.test("what fuzzing found: Opus packets that break the decoder's memory, noticed when it is freed or later", async () => {
  for (const [seed, from] of [["1", "24"], ["21", "153"]]) {
    const { code, text } = await fuzz("--seed", seed!, "--target", "opus", "--from", from!, "--inputs", "1");
    assertEquals([code, text.includes("0 findings")], [0, true], text);
  }
});
