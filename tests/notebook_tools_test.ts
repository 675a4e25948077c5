import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Chart, type Displayable, jupyterDisplay, lineChart } from "@qwen3/asr/plot";
import { hypotheses, kernel, show, showWhile, table, wordDiff, wordErrorRate } from "../notebooks/tools.ts";

interface Message {
  type: string;
  data: Record<string, string>;
  metadata: Record<string, { width: number }>;
  id: string | undefined;
}

/** What the kernel would have sent while `work` was done. */
async function messagesOf(work: () => Promise<unknown>): Promise<Message[]> {
  const sent: Message[] = [];
  type Content = Omit<Message, "type" | "id"> & { transient?: { display_id: string } };
  const before = kernel.broadcast;
  kernel.broadcast = (type, content) => {
    const { data, metadata, transient } = content as Content;
    sent.push({ type, data, metadata, id: transient?.display_id });
    return Promise.resolve();
  };
  try {
    await work();
  } finally {
    kernel.broadcast = before;
  }
  return sent;
}

async function shown(thing: Displayable): Promise<Record<string, string>> {
  return await thing[jupyterDisplay]();
}

Deno.test("tables, hypotheses and changes of words say all without style, and as text", async () => {
  const numbers = await shown(table(["word", "ms"], [["a<b", 12], ["longer", 7]]));
  assertEquals(numbers["text/plain"], "word    ms\na<b     12\nlonger   7");
  assertStringIncludes(numbers["text/html"]!, '<td align="right" valign="top">12</td>');
  assertStringIncludes(numbers["text/html"]!, '<th align="right" valign="top">ms</th>');
  assertStringIncludes(numbers["text/html"]!, '<div align="left">a&lt;b</div>');
  const rows = await shown(hypotheses([{ label: "1.00 s", firm: "John", loose: " wants" }]));
  assertStringIncludes(rows["text/html"]!, "<b>John</b><i> wants</i>");
  assertEquals(rows["text/plain"], "1.00 s  John[ wants]");
  const changes = await shown(wordDiff("one two three", "one too three four", "Changes"));
  assertEquals(changes["text/plain"], "Changes\none [-two-]{+too+} three {+four+}");
  assert(/<del>.*two.*<\/del> <ins>.*too.*<\/ins> three <ins>/.test(changes["text/html"]!));
  for (const bundle of [numbers, rows, changes]) assert(!bundle["text/html"]!.includes("style"));
  assertEquals(wordErrorRate("one two three four", "one too three"), 50);
});

Deno.test("show() says how wide a picture is meant, and sends no second copy of one that is in the HTML", async () => {
  const chart = lineChart([{ y: [1, 2, 3] }], { width: 320 });
  const html: Displayable = {
    [jupyterDisplay]: () =>
      Promise.resolve({
        "text/html": '<img src="data:image/png;base64,AA">',
        "image/png": "AA",
        "text/plain": "x",
      }),
  };
  const [first, second] = await messagesOf(() => show(chart, html));
  assertEquals(first!.metadata, { "image/png": { width: 320 } });
  assertEquals(Object.keys(first!.data).sort(), ["image/png", "image/svg+xml", "text/plain"]);
  assertEquals(Object.keys(second!.data), ["text/html", "text/plain"]);
});

Deno.test("showWhile() draws in one place again and again, and leaves the end with all its formats", async () => {
  // The work ends when it is drawn for the second time, however fast the machine is.
  const { promise, resolve } = Promise.withResolvers<string>();
  let count = 0;
  const draw = (): Chart => {
    count++;
    if (count === 2) resolve("done");
    return lineChart([{ y: [1, 2, 3] }], { title: `Picture ${count}` });
  };
  let drawn = 0;
  const sent = await messagesOf(async () => {
    const end = await showWhile(promise, draw);
    assertEquals(end.result, "done");
    drawn = end.drawn;
  });
  assertEquals([drawn, sent.length], [3, 3]);
  assertEquals(new Set(sent.map(({ id }) => id)).size, 1);
  assertEquals(sent.map(({ type }) => type), [
    "display_data",
    ...Array(drawn - 1).fill("update_display_data"),
  ]);
  assertEquals(Object.keys(sent[0]!.data), ["image/svg+xml"]);
  assertStringIncludes(sent[0]!.data["image/svg+xml"]!, "Picture 1");
  assertStringIncludes(sent.at(-1)!.data["text/plain"]!, "Picture 3");
  assert("image/png" in sent.at(-1)!.data);
});

Deno.test("showWhile() rejects as the work does", async () => {
  const fail = () => Promise.reject(new Error("no"));
  await messagesOf(() =>
    assertRejects(() => showWhile(fail(), () => lineChart([{ y: [1, 2] }])), Error, "no")
  );
});
