/**
 * Helpers of the notebooks, kept out of their cells so that these show only what they are about.
 *
 * @module
 */
import { ModelError, Qwen3ASR } from "@qwen3/asr";
import { type Chart, type Displayable, jupyterDisplay, type MimeBundle } from "@qwen3/asr/plot";

/** The kernel may report that it is idle before all pictures are sent, so a cell ends with a short wait. */
const PAUSE_MS = 150;

/** Charts make PNG files with two pixels for each of the picture, for sharp screens. */
const PNG_SCALE = 2;
/** Where the header of a PNG says how wide it is, as 4 bytes. */
const PNG_WIDTH_AT = 16;

/** The way to the reader; tests put another in its place. */
export const kernel: { broadcast: typeof Deno.jupyter.broadcast } = {
  broadcast: (...message) => Deno.jupyter.broadcast(...message),
};

/** A message that shows a thing, or puts it in the place of one that was shown before under the same id. */
async function send(type: "display_data" | "update_display_data", thing: Displayable, id?: string): Promise<void> {
  const { "image/png": drawn, ...rest } = await thing[jupyterDisplay]();
  // HTML that holds its picture needs no second one.
  const png = rest["text/html"]?.includes("data:image/png;") ? undefined : drawn;
  const data = png === undefined ? rest : { ...rest, "image/png": png };
  const header = png === undefined ? undefined : new DataView(Uint8Array.fromBase64(png.slice(0, 32)).buffer);
  await kernel.broadcast(type, {
    data,
    metadata: header ? { "image/png": { width: header.getUint32(PNG_WIDTH_AT) / PNG_SCALE } } : {},
    ...id === undefined ? {} : { transient: { display_id: id } },
  });
}

/** Shows pictures, tables and texts in a notebook. */
export async function show(...things: Displayable[]): Promise<void> {
  for (const thing of things) await send("display_data", thing);
  await sent();
}

/** Often enough to follow, and seldom enough that drawing does not take the time of what is drawn. */
const REDRAW_MS = 500;

/**
 * Draws again and again while some work goes on, in one place of the output, and once more when it is done. What is seen
 * only for a moment is sent as SVG alone.
 *
 * @returns What the work gave, and how often it was drawn.
 */
export async function showWhile<T>(work: Promise<T>, draw: () => Chart): Promise<{ result: T; drawn: number }> {
  const id = crypto.randomUUID();
  let [drawn, isDone] = [0, false];
  const end = work.finally(() => isDone = true);
  end.catch(() => {}); // awaited below
  while (!isDone) {
    const chart = draw();
    const moment = { [jupyterDisplay]: async () => ({ "image/svg+xml": await chart.toSVG() }) };
    await send(drawn++ === 0 ? "display_data" : "update_display_data", moment, id);
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, REDRAW_MS))]);
  }
  const result = await end;
  await send("update_display_data", draw(), id);
  await sent();
  return { result, drawn: drawn + 1 };
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

/** Columns of text, numbers to the right. */
function columns(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, k) => Math.max(...rows.map((row) => String(row[k] ?? "").length)));
  const cell = (value: string | number, width: number) =>
    typeof value === "number" ? String(value).padStart(width) : value.padEnd(width);
  return rows.map((row) => row.map((value, k) => cell(value, widths[k]!)).join("  ").trimEnd()).join("\n");
}

/**
 * A table; numbers are aligned to the right. Without `style`, which many viewers take away, and with a `div` in cells of
 * text, because JupyterLab's own rules put all cells to the right.
 */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): Html {
  const isNumber = head.map((_, k) => rows.length > 0 && rows.every((row) => typeof row[k] === "number"));
  const cell = (tag: "th" | "td", value: string | number, isRight: boolean) =>
    isRight
      ? `<${tag} align="right" valign="top">${escape(String(value))}</${tag}>`
      : `<${tag} align="left" valign="top"><div align="left">${escape(String(value))}</div></${tag}>`;
  const line = (tag: "th" | "td", values: readonly (string | number)[]) =>
    `<tr>${
      values.map((value, k) => cell(tag, value, typeof value === "number" || tag === "th" && isNumber[k] === true))
        .join("")
    }</tr>`;
  const body = rows.map((row) => line("td", row)).join("");
  return new Html(
    `<table><thead>${line("th", head)}</thead><tbody>${body}</tbody></table>`,
    columns([head, ...rows]),
  );
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

/** Texts one below the other: bold what is firm, slanted what may still change. */
export function hypotheses(rows: readonly Hypothesis[]): Html {
  const html = rows.map(({ label, firm, loose }) =>
    `<tr><td align="left"><div align="left">${escape(label).replaceAll(" ", "&nbsp;")}</div></td>` +
    `<td align="left"><div align="left"><b>${escape(firm)}</b><i>${escape(loose)}</i></div></td></tr>`
  );
  const plain = rows.map(({ label, firm, loose }) => [label, `${firm}${loose === "" ? "" : `[${loose}]`}`]);
  return new Html(`<table><tbody>${html.join("")}</tbody></table>`, columns(plain));
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

/**
 * Two texts as one: missing words struck out, extra ones underlined; red and green where the viewer leaves colours.
 */
export function wordDiff(expected: string, found: string, title: string): Html {
  const missing = (word: string) => `<del><font color="#d0104c">${escape(word)}</font></del>`;
  const extra = (word: string) => `<ins><b><font color="#00805d">${escape(word)}</font></b></ins>`;
  const edits = wordEdits(expected, found);
  const pieces = edits.map(({ kind, expected, found }) =>
    kind === "same" ? escape(found) : [expected && missing(expected), found && extra(found)].join(" ").trim()
  );
  const plain = edits.map(({ kind, expected, found }) =>
    kind === "same" ? found : `${expected && `[-${expected}-]`}${found && `{+${found}+}`}`
  );
  return new Html(
    `<p><b>${escape(title)}</b><br>${pieces.join(" ")}</p>`,
    `${title}\n${plain.join(" ")}`,
  );
}

/** The lines of a tab-separated file, each by its column names. */
export async function readTable(path: string): Promise<Record<string, string>[]> {
  const [head, ...lines] = (await Deno.readTextFile(path)).trim().split("\n").map((line) => line.split("\t"));
  return lines.map((line) => Object.fromEntries(head!.map((name, column) => [name, line[column] ?? ""])));
}
