/**
 * The specification in docs/model.md has every section that a comment cites, and the documents name files that exist.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "./support/cli_process.ts";
import { documents } from "./support/docs_blocks.ts";

const PAGE = await Deno.readTextFile(join(ROOT, "docs/model.md"));

/** Numbered sections of a page, each with its number of numbered steps. */
function sectionsOf(markdown: string): Map<string, number> {
  const sections = new Map<string, number>();
  let current = "";
  for (const line of markdown.split("\n")) {
    const [, number] = /^##+ (\d+(?:\.\d+)*)\.? /.exec(line) ?? [];
    if (number !== undefined) {
      assert(!sections.has(number), `section ${number} stands twice`);
      sections.set(current = number, 0);
    } else if (/^\d+\. /.test(line) && current !== "") sections.set(current, sections.get(current)! + 1);
  }
  return sections;
}

/** A blank, or the end of a line and the beginning of the next line of a comment. */
const GAP = String.raw`(?:[ \t]|\n[ \t]*(?:\*|//|#)?)+`;
const NUMBER = String.raw`\d+(?:\.\d+)*`;
/**
 * "spec 5.7", "spec 5.1 to 5.5", "spec section 12", "spec sections 2 and 3", "model specification, section 1",
 * "spec 4.1, step 2".
 */
const CITATION = new RegExp(
  String.raw`\bspec(?:ification)?,?${GAP}(?:` +
    String.raw`sections${GAP}(?<list>${NUMBER}(?:(?:,|${GAP}and)${GAP}${NUMBER})*)|` +
    String
      .raw`(?:section${GAP})?(?<one>${NUMBER}(?:${GAP}to${GAP}${NUMBER})?)(?:,${GAP}step${GAP}(?<step>\d+))?)`,
  "gi",
);

interface Citation {
  line: number;
  section: string;
  step: number;
}

function citationsOf(text: string): Citation[] {
  return [...text.matchAll(CITATION)].flatMap(({ index, groups }) => {
    const { list, one, step } = groups!;
    const line = text.slice(0, index).split("\n").length;
    const numbers = (list ?? one)!.match(new RegExp(NUMBER, "g"))!;
    return numbers.map((section) => ({ line, section, step: Number(step ?? 0) }));
  });
}

/** Citations of a section or a step that the page lacks. */
function unresolved(text: string, sections: ReadonlyMap<string, number>): string[] {
  return citationsOf(text).filter(({ section, step }) => !(step <= (sections.get(section) ?? -1)))
    .map(({ line, section, step }) => `${line}: ${section}${step === 0 ? "" : `, step ${step}`}`);
}

async function sourcesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (name.startsWith(".")) continue;
    if (isDirectory) found.push(...await sourcesIn(path));
    else if (/\.(ts|sh|py|ipynb)$/.test(name)) found.push(path);
  }
  return found;
}

Deno.test("docs/model.md has every section that a comment of the source cites", async () => {
  const sections = sectionsOf(PAGE);
  const wrong: string[] = [];
  let count = 0;
  for (const folder of ["lib", "ffi", "tests", "scripts", "bench", "notebooks"]) {
    for (const path of await sourcesIn(folder)) {
      const text = await Deno.readTextFile(join(ROOT, path));
      count += citationsOf(text).length;
      wrong.push(...unresolved(text, sections).map((citation) => `${path}:${citation}`));
    }
  }
  assertEquals(wrong, []);
  assertGreater(count, 40);
});

Deno.test("docs/model.md refers to sections that it has", () => {
  const sections = sectionsOf(PAGE);
  const prose = PAGE.replace(/```[^]*?```/g, "").replace(/`[^`\n]*`/g, "");
  const referred = [...prose.matchAll(/\((\d+(?:\.\d+)?(?:, \d+(?:\.\d+)?)*)\)/g)].flatMap(([, list]) =>
    list!.split(", ")
  );
  assertEquals(referred.filter((number) => !sections.has(number)), []);
  assertGreater(referred.length, 40);
});

Deno.test("the sections of docs/model.md count on without a gap", () => {
  let previous = [0];
  for (const number of sectionsOf(PAGE).keys()) {
    const parts = number.split(".").map(Number);
    const next = parts.length > previous.length
      ? [...previous, 1]
      : [...parts.slice(0, -1), previous[parts.length - 1]! + 1];
    assertEquals(parts, next, `after section ${previous.join(".")}`);
    previous = parts;
  }
});

Deno.test("a citation is read in all its forms, and one of a missing section is reported", () => {
  const cite = (what: string) => `/** Why (spec${what}). */`; // Spelled apart: this file is searched too.
  const forms = [
    " 5.7",
    " section 12",
    "ification, section 1",
    " sections 2 and 3",
    " 4.1, step 2",
    " 5.1 to 5.5",
    "\n * 9.2",
  ];
  assertEquals(
    forms.flatMap((form) => citationsOf(cite(form))).map(({ section, step }) => `${section}/${step}`),
    ["5.7/0", "12/0", "1/0", "2/0", "3/0", "4.1/2", "5.1/0", "5.5/0", "9.2/0"],
  );
  const sections = sectionsOf("## 4. Four\n\n### 4.1 One\n\n1. a\n2. b\n\n## 5. Five\n");
  const text = [" 4.1, step 2", " 4.1, step 3", " 4.2", " 4.1.1", " sections 5 and 6"].map(cite).join("\n");
  assertEquals(unresolved(text, sections), ["2: 4.1, step 3", "3: 4.2", "4: 4.1.1", "5: 6"]);
  assertEquals(citationsOf("specs.filter((spec) => spec.length > 2) // RFC 7845, section 5.1"), []);
});

/** Paths of this project that a document names in code spans, without those that hold a placeholder. */
function pathsIn(markdown: string): string[] {
  return [...markdown.matchAll(/`((?:lib|ffi|tests|scripts|bench|notebooks|demo|std|docs)\/[\w.\/-]*)`/g)]
    .map(([, path]) => path!);
}

Deno.test("files and folders that the documents name exist", async () => {
  const missing: string[] = [];
  let count = 0;
  for (const document of await documents()) {
    for (const path of pathsIn(await Deno.readTextFile(join(ROOT, document)))) {
      count++;
      const exists = await Deno.stat(join(ROOT, path)).then(() => true, () => false);
      if (!exists) missing.push(`${document}: ${path}`);
    }
  }
  assertEquals(missing, []);
  assertGreater(count, 60);
  assertEquals(pathsIn("`lib/no/such.ts`, `lib/*.ts`, `scripts/test.sh`"), [
    "lib/no/such.ts",
    "scripts/test.sh",
  ]);
});

Deno.test("the way of a recording in docs/architecture.md names code that stands in its files", async () => {
  const page = await Deno.readTextFile(join(ROOT, "docs/architecture.md"));
  const rows = [...page.matchAll(/^\|[^|]+\| `([^`]+)` +\| `([^`]+)` +\|$/gm)];
  const missing: string[] = [];
  for (const [, path, code] of rows) {
    const text = await Deno.readTextFile(join(ROOT, path!)).catch(() => "");
    if (!text.includes(code!)) missing.push(`${path} has no ${code}`);
  }
  assertEquals(missing, []);
  assertGreater(rows.length, 30);
  // What a reader looks for most.
  const named = rows.map(([row]) => row);
  for (const step of ["the next token is chosen", "a chunk ends in the best pause", "a cue becomes SRT"]) {
    assert(named.some((row) => row.includes(step)), step);
  }
});
