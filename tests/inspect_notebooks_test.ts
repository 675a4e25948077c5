import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import {
  type Cell,
  checkNotebook,
  joined,
  type Notebook,
  type Output,
  readNotebook,
  withOutputsOf,
} from "../scripts/notebook_file.ts";

const FOLDER = fromFileUrl(new URL("../notebooks/", import.meta.url));
const NAMES = [
  "01_mel.ipynb",
  "02_encoder_and_attention.ipynb",
  "03_chunks.ipynb",
  "04_decoding.ipynb",
  "05_compare_models.ipynb",
  "06_words.ipynb",
  "07_live.ipynb",
];
const PNG = "iVBORw0KGgo".padEnd(600, "A");

function cell(outputs: Output[], source = "await show(picture);"): Cell {
  return { cell_type: "code", id: "c01", metadata: {}, source, outputs };
}

function notebook(...cells: Cell[]): Notebook {
  return { cells, metadata: { kernelspec: { name: "deno" } }, nbformat: 4, nbformat_minor: 5 };
}

function shown(data: Record<string, string>): Output {
  return { output_type: "display_data", data: { "text/plain": "mel", ...data }, metadata: {} };
}

Deno.test("the committed notebooks are whole: every code cell has run, in order, and shows something", async () => {
  for (const name of NAMES) {
    const committed = await readNotebook(join(FOLDER, name));
    assertEquals(checkNotebook(committed, committed), [], name);
    const counts = committed.cells.filter(({ cell_type }) => cell_type === "code")
      .map(({ execution_count }) => execution_count);
    assertEquals(counts, counts.map((_, index) => index + 1), name);
  }
});

Deno.test("the committed notebooks name no place of the machine they ran on", async () => {
  for (const name of NAMES) {
    const { cells } = await readNotebook(join(FOLDER, name));
    const texts = cells.flatMap(({ source, outputs = [] }) => [
      joined(source),
      ...outputs.flatMap((
        { text, data = {} },
      ) => [joined(text), joined(data["text/plain"]), joined(data["text/html"])]),
    ]);
    for (const text of texts) assert(!/\/(?:home|root|Users|work|tmp)\//.test(text), `${name}: ${text}`);
  }
});

Deno.test("checkNotebook() finds an error, a missing output and a missing picture", () => {
  const error: Output = { output_type: "error", ename: "TypeError", evalue: "x is undefined" };
  assertStringIncludes(checkNotebook(notebook(cell([error])))[0]!, "ends with TypeError: x is undefined");
  assertEquals(checkNotebook(notebook(cell([], "const x = 1;"))), ["Cell c01 shows nothing."]);
  const log: Output = { output_type: "stream", name: "stdout", text: "hello\n" };
  assertEquals(checkNotebook(notebook(cell([log]))), [
    "Cell c01 calls show() but shows no picture or table.",
  ]);
  assertEquals(checkNotebook(notebook(cell([log], "console.log(1)"))), []);
});

Deno.test("checkNotebook() finds pictures that are none, and too much of anything", () => {
  assertEquals(checkNotebook(notebook(cell([shown({ "image/png": PNG })]))), []);
  const broken = checkNotebook(notebook(cell([shown({ "image/png": "R0lGODlh".padEnd(600, "A") })])));
  assertEquals(broken, ["Cell c01 has image/png that is no PNG."]);
  const empty = checkNotebook(notebook(cell([shown({ "image/png": "iVBORw0KGgo" })])));
  assertEquals(empty, ["Cell c01 has a picture of 11 bytes."]);
  const half = shown({ "image/svg+xml": "<svg>".padEnd(600, " "), "image/png": PNG });
  const cut = checkNotebook(notebook(cell([half])));
  assertEquals(cut, ["Cell c01 has image/svg+xml that is no SVG."]);
  const large = checkNotebook(notebook(cell([shown({ "image/png": PNG.padEnd(700_000, "A") })])));
  assertEquals(large, ["Cell c01 has 700000 bytes of image/png, more than 600000."]);
  const three = [1, 2, 3].map(() => shown({ "image/png": PNG.padEnd(550_000, "A") }));
  assertStringIncludes(checkNotebook(notebook(cell(three)))[0]!, "more than 1500000");
});

Deno.test("checkNotebook() finds outputs of another kind than the committed ones", () => {
  const committed = notebook(cell([shown({ "image/png": PNG, "text/plain": "mel" })]));
  const same = notebook(cell([shown({ "text/plain": "another mel", "image/png": PNG })]));
  assertEquals(checkNotebook(same, committed), []);
  const other = notebook(cell([shown({ "text/html": "<b>mel</b>" })]));
  assertEquals(checkNotebook(other, committed), [
    "Cell c01 shows [text/html + text/plain], the committed notebook [image/png + text/plain].",
  ]);
  const late = notebook(cell([...committed.cells[0]!.outputs!, shown({ "image/png": PNG })]));
  assertStringIncludes(checkNotebook(late, committed)[0]!, "text/plain; image/png + text/plain]");
});

Deno.test("checkNotebook() finds what nobody sees who has not run the notebook", () => {
  const faults = (data: Record<string, string>) => checkNotebook(notebook(cell([shown(data)])));
  const svg = `<svg xmlns="http://www.w3.org/2000/svg">${" ".repeat(600)}</svg>`;
  assertEquals(faults({ "image/svg+xml": svg }), ["Cell c01 has a picture as SVG only."]);
  assertEquals(faults({ "image/svg+xml": svg, "image/png": PNG }), []);
  const styled = ["Cell c01 has HTML that says something by style alone, which web pages take away."];
  assertEquals(faults({ "text/html": '<td style="color:red">1</td>' }), styled);
  assertEquals(faults({ "text/html": '<mark style="color:red">1</mark>' }), []);
  assertEquals(faults({ "text/html": '<b>1</b><script>x = "<td style=1>"</script>' }), []);
  const mute: Output = { output_type: "display_data", data: { "text/html": "<b>1</b>" }, metadata: {} };
  assertEquals(checkNotebook(notebook(cell([mute]))), [
    "Cell c01 has no text for those who see nothing else.",
  ]);
});

Deno.test("withOutputsOf() keeps how large a picture is to be, and no other metadata", () => {
  const output = { ...shown({ "image/png": PNG }), metadata: { "image/png": { width: 640 }, time: 1 } };
  const [merged] = withOutputsOf(notebook(cell([])), notebook(cell([output]))).cells;
  assertEquals(merged!.outputs![0]!.metadata, { "image/png": { width: 640 } });
});

Deno.test("withOutputsOf() keeps the source and joins what a stream sent in pieces", () => {
  const source = notebook(cell([], "console.log('a\\nb')"));
  const piece = (text: string): Output => ({ output_type: "stream", name: "stdout", text });
  const run = notebook({ ...cell([piece("a\nb"), piece("\n")], "changed"), execution_count: 1 });
  const [merged] = withOutputsOf(source, run).cells;
  assertEquals(merged!.source, "console.log('a\\nb')");
  assertEquals(merged!.outputs, [{ output_type: "stream", name: "stdout", text: ["a\n", "b\n"] }]);
  assertEquals(merged!.execution_count, 1);
});
