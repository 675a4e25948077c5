import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { OptionError } from "../lib/errors.ts";
import { PREFERRED_REPOSITORIES } from "../lib/hub/known_models.ts";
import { parseModelName, SHORT_NAMES } from "../lib/hub/mod.ts";
import { nearestName } from "../lib/nearest_name.ts";

function repository(name: string): string {
  const reference = parseModelName(name);
  return reference.kind === "hub" ? `${reference.repository}@${reference.revision ?? ""}` : reference.kind;
}

Deno.test("parseModelName() knows the short names", () => {
  assertEquals(repository("0.6b"), "mlx-community/Qwen3-ASR-0.6B-8bit@");
  assertEquals(repository("1.7b"), "mlx-community/Qwen3-ASR-1.7B-8bit@");
  assertEquals(repository("1.7B-8bit"), "mlx-community/Qwen3-ASR-1.7B-8bit@");
  assertEquals(repository("0.6b-4bit"), "mlx-community/Qwen3-ASR-0.6B-4bit@");
  assertEquals(repository("1.7b-4bit"), "mlx-community/Qwen3-ASR-1.7B-4bit@");
  assertEquals(repository("0.6b-bf16"), "mlx-community/Qwen3-ASR-0.6B-bf16@");
  assertEquals(repository("Qwen3-ASR-0.6B"), "mlx-community/Qwen3-ASR-0.6B-8bit@");
  assertEquals(repository("aligner"), "mlx-community/Qwen3-ForcedAligner-0.6B-8bit@");
  assertEquals(repository("demo"), "demo");
});

Deno.test("parseModelName() takes any repository, with or without revision", () => {
  assertEquals(repository("Qwen/Qwen3-ASR-0.6B"), "Qwen/Qwen3-ASR-0.6B@");
  assertEquals(repository("mlx-community/Qwen3-ASR-0.6B-8bit"), "mlx-community/Qwen3-ASR-0.6B-8bit@");
  assertEquals(repository("me/my.model_2@v1.0"), "me/my.model_2@v1.0");
  assertEquals(repository("me/model@refs/pr/1"), "me/model@refs/pr/1");
  assertEquals(repository("0.6b@main"), "mlx-community/Qwen3-ASR-0.6B-8bit@main");
});

Deno.test("parseModelName() takes paths and file addresses as folders", () => {
  for (const path of ["/models/x", "./x", "../x", "~/x", ".", "C:\\models\\x", "a/b/c", "D:/x"]) {
    assertEquals(parseModelName(path), { kind: "folder", path });
  }
  assertEquals(parseModelName(new URL("file:///models/a%20b")), { kind: "folder", path: "/models/a b" });
  assertEquals(parseModelName("file:///models/x"), { kind: "folder", path: "/models/x" });
});

Deno.test("parseModelName() suggests the nearest name when it knows none like this", () => {
  const message = (name: string) => assertThrows(() => parseModelName(name), OptionError).message;
  assertStringIncludes(message("0.7b"), 'Unknown model "0.7b": did you mean "0.6b"?');
  assertStringIncludes(message("1.7b-8bits"), 'did you mean "1.7b-8bit"?');
  assertStringIncludes(message("dmeo"), 'did you mean "demo"?');
  assertStringIncludes(message("qwen3-asr-1.7-4bit"), 'did you mean "1.7b-4bit"?');
  assertEquals(message("whisper-large").includes("did you mean"), false);
  assertStringIncludes(message("whisper-large"), "Known names are demo, 0.6b");
});

Deno.test("parseModelName() refuses names that could lead out of the cache", () => {
  for (
    const name of [
      "me/mo..del",
      "me/a--b",
      "me/model@../x",
      "me/model@a/../b",
      "me/model@",
      "me/model@a b",
      "",
    ]
  ) {
    assertThrows(() => parseModelName(name), OptionError);
  }
  assertThrows(() => parseModelName(new URL("https://host/org/name")), OptionError, "only file: addresses");
});

Deno.test("nearestName() counts a swap of neighbours as one change", () => {
  assertEquals(nearestName("lsit", ["list", "last", "path"]), "list");
  assertEquals(nearestName("xyz", ["download", "remove"]), undefined);
});

Deno.test("PREFERRED_REPOSITORIES starts with the 8-bit conversions and the originals", () => {
  assertEquals(PREFERRED_REPOSITORIES.slice(0, 4), [
    "mlx-community/Qwen3-ASR-1.7B-8bit",
    "mlx-community/Qwen3-ASR-0.6B-8bit",
    "Qwen/Qwen3-ASR-1.7B",
    "Qwen/Qwen3-ASR-0.6B",
  ]);
  const speech = Object.values(SHORT_NAMES).filter((name) => !name.includes("Aligner"));
  assertEquals(speech.filter((name) => !PREFERRED_REPOSITORIES.includes(name)), []);
});
