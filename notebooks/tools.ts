/**
 * Helpers of the notebooks, kept out of their cells so that these show only what they are about.
 *
 * @module
 */
import { ModelError, Qwen3ASR } from "@qwen3/asr";
import { type Displayable, jupyterDisplay, type MimeBundle } from "@qwen3/asr/plot";

/** The kernel may report that it is idle before all pictures are sent, so a cell ends with a short wait. */
const PAUSE_MS = 150;

/** Shows pictures, tables and texts in a notebook. */
export async function show(...things: unknown[]): Promise<void> {
  for (const thing of things) await Deno.jupyter.display(thing);
  await sent();
}

/** Ends a cell that prints: gives the kernel time to send its lines. */
export async function sent(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

/** Models to try, best first: those of `QWEN3_ASR_NOTEBOOK_MODEL`, or the real ones before the demo. */
function preferredModels(): string[] {
  return Deno.env.get("QWEN3_ASR_NOTEBOOK_MODEL")?.split(",") ?? ["0.6b", "1.7b", "demo"];
}

/** The first of the models that this machine has. */
export async function loadModel(names: readonly string[] = preferredModels()): Promise<Qwen3ASR> {
  for (const name of names) {
    try {
      const asr = await Qwen3ASR.load(name);
      const { device, dtype, storedBytes, mlxVersion } = asr.info;
      console.log(
        `Model: ${asr.info.name} (${(storedBytes / 1e6).toFixed(1)} MB) on ${device}, ${dtype}, MLX ${mlxVersion}`,
      );
      return asr;
    } catch (error) {
      if (!(error instanceof ModelError) || name === names.at(-1)) throw error;
    }
  }
  throw new ModelError("Cannot load a model: no name was given.");
}


function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** HTML with a plain text for places that show no HTML. */
export class Html implements Displayable {
  readonly #html: string;
  readonly #plain: string;

  constructor(html: string, plain: string) {
    this.#html = html;
    this.#plain = plain;
  }

  [jupyterDisplay](): Promise<MimeBundle> {
    return Promise.resolve({ "text/html": this.#html, "text/plain": this.#plain });
  }
}

/** A table; numbers are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): Html {
  const cell = (tag: "th" | "td", value: string | number) =>
    `<${tag} style="text-align:${typeof value === "number" ? "right" : "left"};vertical-align:top">${
      escape(String(value))
    }</${tag}>`;
  const line = (tag: "th" | "td", values: readonly (string | number)[]) =>
    `<tr>${values.map((value) => cell(tag, value)).join("")}</tr>`;
  const html = `<table>${line("th", head)}${rows.map((row) => line("td", row)).join("")}</table>`;
  return new Html(html, [head, ...rows].map((row) => row.join("\t")).join("\n"));
}

/** A text of which a part may still change. */
export interface Hypothesis {
  /** What stands before it. */
  label: string;
  /** What does not change any more. */
  firm: string;
  /** What follows it for now. */
  loose: string;
}

/** Texts one below the other: firm as it is, pale and slanted what may still change. */
export function hypotheses(rows: readonly Hypothesis[]): Html {
  const html = rows.map(({ label, firm, loose }) =>
    `<tr><td style="text-align:left;white-space:nowrap;vertical-align:top">${escape(label)}</td>` +
    `<td style="text-align:left"><b>${escape(firm)}</b><i style="opacity:0.6">${escape(loose)}</i></td></tr>`
  );
  const plain = rows.map(({ label, firm, loose }) => `${label}\t${firm}${loose === "" ? "" : `[${loose}]`}`);
  return new Html(`<table>${html.join("")}</table>`, plain.join("\n"));
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** One step of turning one text into the other. */
export interface Edit {
  kind: "same" | "changed" | "missing" | "extra";
  /** Word of the first text, "" when it is extra. */
  expected: string;
  /** Word of the second text, "" when it is missing. */
  found: string;
}

/** The fewest edits that turn one text into the other, word by word (Levenshtein). */
export function wordEdits(expected: string, found: string): Edit[] {
  const [a, b] = [wordsOf(expected), wordsOf(found)];
  const cost = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i + j));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      cost[i]![j] = Math.min(cost[i - 1]![j]! + 1, cost[i]![j - 1]! + 1, cost[i - 1]![j - 1]! + same);
    }
  }
  const edits: Edit[] = [];
  for (let [i, j] = [a.length, b.length]; i > 0 || j > 0;) {
    const isSame = a[i - 1] === b[j - 1];
    if (i > 0 && j > 0 && cost[i]![j] === cost[i - 1]![j - 1]! + (isSame ? 0 : 1)) {
      edits.push({ kind: isSame ? "same" : "changed", expected: a[--i]!, found: b[--j]! });
    } else if (i > 0 && cost[i]![j] === cost[i - 1]![j]! + 1) {
      edits.push({ kind: "missing", expected: a[--i]!, found: "" });
    } else edits.push({ kind: "extra", expected: "", found: b[--j]! });
  }
  return edits.reverse();
}

/** Wrong, missing and extra words in per cent of the expected ones. */
export function wordErrorRate(expected: string, found: string): number {
  const edits = wordEdits(expected, found);
  return 100 * edits.filter(({ kind }) => kind !== "same").length / Math.max(1, wordsOf(expected).length);
}

/** Two texts as one: missing words struck out in red, extra ones in green. */
export function wordDiff(expected: string, found: string, title: string): Html {
  const missing = (word: string) => `<del style="background-color:rgba(225,30,60,0.25)">${escape(word)}</del>`;
  const extra = (word: string) =>
    `<ins style="background-color:rgba(0,158,115,0.3);text-decoration:none">${escape(word)}</ins>`;
  const pieces = wordEdits(expected, found).map(({ kind, expected, found }) =>
    kind === "same" ? escape(found) : [expected && missing(expected), found && extra(found)].join(" ").trim()
  );
  const plain = wordEdits(expected, found).map(({ kind, expected, found }) =>
    kind === "same" ? found : `${expected && `[-${expected}-]`}${found && `{+${found}+}`}`
  );
  return new Html(
    `<div style="max-width:860px;line-height:1.7"><b>${escape(title)}</b><br>${pieces.join(" ")}</div>`,
    `${title}\n${plain.join(" ")}`,
  );
}

/** The lines of a tab-separated file, each by its column names. */
export async function readTable(path: string): Promise<Record<string, string>[]> {
  const [head, ...lines] = (await Deno.readTextFile(path)).trim().split("\n").map((line) => line.split("\t"));
  return lines.map((line) => Object.fromEntries(head!.map((name, column) => [name, line[column] ?? ""])));
}
