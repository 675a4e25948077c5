/**
 * Reads, writes and checks notebook files (nbformat 4.5).
 *
 * @module
 */

/** An output's content by MIME type; text may be split into lines. */
export type MimeData = Record<string, string | string[]>;

/** What a cell showed. */
export interface Output {
  output_type: "stream" | "display_data" | "execute_result" | "error";
  name?: string;
  text?: string | string[];
  data?: MimeData;
  metadata?: Record<string, unknown>;
  execution_count?: number | null;
  ename?: string;
  evalue?: string;
}

/** A cell. */
export interface Cell {
  cell_type: "code" | "markdown" | "raw";
  id: string;
  metadata: { tags?: string[] };
  source: string | string[];
  outputs?: Output[];
  execution_count?: number | null;
}

/** A notebook. */
export interface Notebook {
  cells: Cell[];
  metadata: Record<string, unknown>;
  nbformat: number;
  nbformat_minor: number;
}

const MOST_NOTEBOOK_BYTES = 1_500_000;
const MOST_OUTPUT_BYTES = 600_000;
const LEAST_PICTURE_BYTES = 500;
const PNG_START = "iVBORw0KGgo";

/** Reads a file. */
export async function readNotebook(path: string): Promise<Notebook> {
  return JSON.parse(await Deno.readTextFile(path));
}

/** Writes a file as Jupyter does: one blank of indentation, text in lines. */
export async function writeNotebook(path: string, notebook: Notebook): Promise<void> {
  await Deno.writeTextFile(path, serialized(notebook));
}

function serialized(notebook: Notebook): string {
  return JSON.stringify(notebook, null, 1) + "\n";
}

/** A text that may be split into lines, as one string. */
export function joined(text: string | string[] | undefined): string {
  return Array.isArray(text) ? text.join("") : text ?? "";
}

function lines(text: string | string[]): string[] {
  return joined(text).match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Joins consecutive outputs of the same stream, splits text into lines, and keeps of metadata the size of a picture. */
function tidy(outputs: readonly Output[]): Output[] {
  const tidied: Output[] = [];
  for (const output of outputs) {
    const last = tidied.at(-1);
    if (output.output_type === "stream") {
      if (last?.output_type === "stream" && last.name === output.name) {
        last.text = lines(joined(last.text) + joined(output.text));
      } else {tidied.push({
          output_type: "stream",
          name: output.name ?? "stdout",
          text: lines(output.text ?? ""),
        });}
    } else if (output.data) {
      const data = Object.fromEntries(
        Object.entries(output.data).map((
          [type, text],
        ) => [type, type === "image/png" ? joined(text).trim() : lines(text)]),
      );
      const size = output.metadata?.["image/png"];
      tidied.push({ ...output, data, metadata: size === undefined ? {} : { "image/png": size } });
    } else tidied.push(output);
  }
  return tidied;
}

/** The notebook with the outputs of its executed copy. */
export function withOutputsOf(notebook: Notebook, executed: Notebook): Notebook {
  const outputs = new Map(executed.cells.map((cell) => [cell.id, cell]));
  const cells = notebook.cells.map((cell) => {
    if (cell.cell_type !== "code") return cell;
    const run = outputs.get(cell.id);
    return { ...cell, execution_count: run?.execution_count ?? null, outputs: tidy(run?.outputs ?? []) };
  });
  return { ...notebook, cells };
}

/** The kind of an output: its MIME types, or the stream's name. */
function kindOf({ output_type, name, data }: Output): string {
  return data
    ? Object.keys(data).sort().join(" + ")
    : output_type === "stream"
    ? `text on ${name}`
    : output_type;
}

/** What is wrong with one content of an output. */
function contentFault(type: string, content: string): string | undefined {
  if (content.length > MOST_OUTPUT_BYTES) {
    return `has ${content.length} bytes of ${type}, more than ${MOST_OUTPUT_BYTES}`;
  }
  if (type === "image/png" && !content.startsWith(PNG_START)) return "has image/png that is no PNG";
  if (type === "image/svg+xml" && !/^\s*<svg\b[^]*<\/svg>\s*$/.test(content)) {
    return "has image/svg+xml that is no SVG";
  }
  if (/^image\//.test(type) && content.length < LEAST_PICTURE_BYTES) {
    return `has a picture of ${content.length} bytes`;
  }
  return content.trim() === "" ? `has an empty ${type}` : undefined;
}

/** An element with a style that says nothing without it. */
const STYLED = /<(?!(?:mark|del|ins|b|i|strong|em)\b)[^<>]+\sstyle=/;

/** What of an output somebody does not see who has not run it: on a web page, or in a JupyterLab that does not trust it. */
function viewerFaults(data: MimeData): string[] {
  const html = joined(data["text/html"]).replaceAll(/<(script|style)\b[^]*?<\/\1>/g, "");
  return [
    ...data["text/plain"] === undefined ? ["has no text for those who see nothing else"] : [],
    ...data["image/svg+xml"] && !data["image/png"] ? ["has a picture as SVG only"] : [],
    ...STYLED.test(html) ? ["has HTML that says something by style alone, which web pages take away"] : [],
  ];
}

function outputFaults(output: Output): string[] {
  if (output.output_type === "error") return [`ends with ${output.ename}: ${output.evalue}`];
  if (output.output_type === "stream") {
    return output.name === "stderr" ? [`writes to stderr: ${joined(output.text).slice(0, 200)}`] : [];
  }
  const data = output.data ?? {};
  return Object.entries(data).map(([type, content]) => contentFault(type, joined(content)))
    .filter((fault) => fault !== undefined).concat(viewerFaults(data));
}

function cellFaults(cell: Cell, committed: Cell | undefined): string[] {
  const outputs = cell.outputs ?? [];
  const faults = outputs.flatMap(outputFaults);
  const source = joined(cell.source);
  const shows = outputs.filter(({ output_type }) => output_type === "display_data").length;
  if (outputs.length === 0) faults.push("shows nothing");
  else if (/\bshow\(/.test(source) && shows === 0) faults.push("calls show() but shows no picture or table");
  const [kinds, before] = [outputs.map(kindOf), committed?.outputs?.map(kindOf)];
  if (before && kinds.join("; ") !== before.join("; ")) {
    faults.push(`shows [${kinds.join("; ")}], the committed notebook [${before.join("; ")}]`);
  }
  return faults;
}

/**
 * What is wrong with an executed notebook, one sentence for each fault.
 *
 * @param committed When given: every cell must show as many outputs of the same kinds.
 */
export function checkNotebook(notebook: Notebook, committed?: Notebook): string[] {
  const before = new Map(committed?.cells.map((cell) => [cell.id, cell]));
  const faults = notebook.cells.filter((cell) => cell.cell_type === "code").flatMap((cell) =>
    cellFaults(cell, before.get(cell.id)).map((fault) => `Cell ${cell.id} ${fault}.`)
  );
  const bytes = serialized(notebook).length;
  if (bytes > MOST_NOTEBOOK_BYTES) faults.push(`It has ${bytes} bytes, more than ${MOST_NOTEBOOK_BYTES}.`);
  const kernel = notebook.metadata["kernelspec"];
  if (JSON.stringify(kernel)?.includes('"name":"deno"') !== true) faults.push("Its kernel is not Deno's.");
  return faults;
}
