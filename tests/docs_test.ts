/**
 * Every command and code block of the documents runs, is run by a test that it names, or says why it is not run. The demo
 * model plays `0.6b` and `1.7b`, and the checkout the published module.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertGreater,
  assertLessOrEqual,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { dirname, join } from "@std/path";
import { ROOT } from "./support/cli_process.ts";
import { type Block, blocksOf, commandsOf, Desk, documents, foreignCommands } from "./support/docs_blocks.ts";

/** Commands that are not run from here, and why; documents need no mark for them. */
const NOT_FROM_HERE: Record<string, string> = {
  "bash scripts/test.sh": "it is what runs this test",
  "bash scripts/deno.sh run -A scripts/parity.ts .cache/fixtures": "tests/model_parity_test.ts runs it",
};

/** Documents whose commands a test of their own runs under more conditions. */
const OWN_TEST: Record<string, string> = {
  "docs/permissions.md": "tests/cli_permissions_test.ts",
  "docs/server.md": "tests/server_docs_test.ts",
};

const SHELL = ["sh", "bash"];
const CODE = [...SHELL, "ts", "json"];

const texts = new Map<string, string>();
for (const document of await documents()) {
  texts.set(document, await Deno.readTextFile(join(ROOT, document)));
}
const blocks = [...texts].flatMap(([document, text]) => blocksOf(document, text));

function isRunHere({ document, notRun, runBy, language }: Block): boolean {
  return CODE.includes(language) && notRun === undefined && runBy === undefined && !(document in OWN_TEST);
}

/** A block's commands without those that are not run from here. */
function runnable(text: string): string {
  return commandsOf(text).filter((command) => !(command in NOT_FROM_HERE)).join("\n");
}

/** Commands that make a block one that must be marked. */
function foreign({ language, text }: Block): string[] {
  return SHELL.includes(language) ? foreignCommands(text) : [];
}

function describe(text: string): string {
  return text.trim().split("\n").find((line) => !/^(import|#|$)/.test(line))?.trim().slice(0, 70) ?? "";
}

let desk: Desk;
Deno.test.beforeAll(async () => {
  desk = await Desk.make();
});
Deno.test.afterAll(() => desk[Symbol.asyncDispose]());

for (
  const { place, language, text } of blocks.filter((block) => isRunHere(block) && foreign(block).length === 0)
) {
  Deno.test(`${place} runs: ${describe(text)}`, async () => {
    if (language === "json") return assertEquals(typeof JSON.parse(text), "object");
    const { code, output } = SHELL.includes(language)
      ? await desk.shell(runnable(text))
      : await desk.script(text);
    assertEquals(code, 0, output);
  });
}

Deno.test("all TypeScript in the documents has right types", async () => {
  const scripts = blocks.filter(({ language, document }) => language === "ts" && !(document in OWN_TEST));
  const { code, output } = await desk.check(scripts.map(({ text }) => text));
  assertEquals(
    code,
    0,
    `${scripts.map(({ place }, i) => `block_${i}.ts is ${place}`).join("\n")}\n${output}`,
  );
});

const skipped = blocks.filter(({ notRun }) => notRun !== undefined);

Deno.test(`${skipped.length} of ${blocks.length} blocks are not run, and each says why`, () => {
  assertEquals(
    skipped.filter(({ notRun }) => notRun!.trim().split(/\s+/).length < 3).map(({ place }) => place),
    [],
  );
  assertGreater(blocks.filter(isRunHere).length, 3);
});

Deno.test("commands that install something or belong to other programs are marked, and never run", async () => {
  const unmarked = blocks.filter(isRunHere).flatMap((block) =>
    foreign(block).map((command) => `${block.place}: ${command}`)
  );
  assertEquals(unmarked, []);
  const pip = "pip install x\nbash scripts/demo.sh";
  assertEquals(foreignCommands(pip), ["pip install x"]);
  assertEquals(foreignCommands("deno run -A a.ts && curl http://host.example/"), [
    "deno run -A a.ts && curl http://host.example/",
  ]);
  assertEquals(foreignCommands("# note\ndeno run -A a.ts \\\n  b   # c\n"), []);
  await assertRejects(() => desk.shell(pip), TypeError, "pip install x");
});

Deno.test("a block in another language is marked, and documents with a test of their own are read by it", async () => {
  const silent = blocks.filter(({ language, notRun, runBy, document }) =>
    !["", "text", ...CODE].includes(language) && notRun === undefined && runBy === undefined &&
    !(document in OWN_TEST)
  );
  assertEquals(silent.map(({ place, language }) => `${place} (${language})`), []);
  for (const { runBy } of blocks) {
    if (runBy !== undefined) assert((await Deno.stat(join(ROOT, runBy))).isFile);
  }
  for (const [document, test] of Object.entries(OWN_TEST)) {
    const source = await Deno.readTextFile(join(ROOT, test));
    assert(source.includes(document.replace(/.*\//, "")), `${test} does not read ${document}`);
  }
});

/** Most names that the main entry may have: what is more belongs behind another door. */
const MOST_NAMES = 55;

/** Names that a module exports by `export { ... } from`, types too. */
function exportsOf(source: string): string[] {
  return [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) =>
    names!.split(",").map((name) => name.replace(/^\s*type /, "").trim()).filter((name) => name !== "")
  );
}

/** Names that TypeScript imports from an entry; the compiler refuses those it does not use. */
function importsFrom(entry: string, text: string): string[] {
  const statements = text.matchAll(/^import (?:type )?\{([^}]*)\} from "([^"]+)";$/gm);
  return [...statements].filter(([, , from]) => from === entry).flatMap(([, names]) =>
    names!.split(",").map((name) => name.replace(/^\s*type /, "").trim())
  );
}

Deno.test(`mod.ts exports at most ${MOST_NAMES} names, and api.md uses each in a block that runs`, async () => {
  const names = exportsOf(await Deno.readTextFile(join(ROOT, "mod.ts")));
  assert(names.includes("Qwen3ASR") && names.includes("Transcript"), `${names}`);
  assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
  assertLessOrEqual(names.length, MOST_NAMES);
  const used = new Set(
    blocks.filter((block) => block.document === "docs/api.md" && isRunHere(block)).flatMap(({ text }) =>
      importsFrom("@qwen3/asr", text)
    ),
  );
  assertEquals(names.filter((name) => !used.has(name)), []);
});

Deno.test("api.md explains every code of an error and of a warning", async () => {
  const sources = await Promise.all(
    ["errors.ts", "transcript.ts"].map((file) => Deno.readTextFile(join(ROOT, "lib", file))),
  );
  for (const [i, type] of ["ErrorCode", "WarningCode"].entries()) {
    const union = new RegExp(`export type ${type} =([^;]*);`).exec(sources[i]!)?.[1] ?? "";
    const codes = [...union.matchAll(/"([\w-]+)"/g)].map(([, code]) => code!);
    assertGreater(codes.length, 3);
    assertEquals(codes.filter((code) => !texts.get("docs/api.md")!.includes(`| \`${code}\``)), []);
  }
});

Deno.test("links between the documents lead somewhere", async () => {
  const broken: string[] = [];
  for (const [document, text] of texts) {
    for (const [, target] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^\w+:/.test(target!)) continue;
      const path = join(ROOT, dirname(document), target!);
      if (!await Deno.stat(path).then(() => true, () => false)) broken.push(`${document}: ${target}`);
    }
  }
  assertEquals(broken, []);
});

Deno.test("blocksOf() finds fences, marks and indents, and notices a fence without an end", () => {
  const text = "a\n<!-- not run: because of this -->\n\n```sh\nx\n```\n- b\n  ```ts\n  y\n    z\n  ```\n";
  assertEquals(blocksOf("d.md", text), [
    { place: "d.md:4", document: "d.md", language: "sh", text: "x", notRun: "because of this" },
    { place: "d.md:8", document: "d.md", language: "ts", text: "y\n  z" },
  ]);
  assertThrows(() => blocksOf("d.md", "```sh\nx\n"), SyntaxError, "d.md:1");
});
