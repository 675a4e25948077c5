/**
 * `live` without a model: the file named by the first argument says what is heard when, and how it is shown.
 *
 * @module
 */
import { Interruption } from "../../lib/cli/interruption.ts";
import { hear } from "../../lib/cli/live/hear.ts";
import { FileSink } from "../../lib/cli/live/sinks.ts";
import type { LiveSource } from "../../lib/cli/live/sources.ts";
import { OutputClosed, sentence, Terminal } from "../../lib/cli/terminal.ts";
import type { OutputFormat } from "../../lib/output/mod.ts";
import { ScriptedStream, type ScriptLine } from "./live_script.ts";

/** What the file holds. */
export interface LiveProgram {
  script: ScriptLine[];
  /** How long the source lasts, unless it is stopped. */
  seconds: number;
  format?: OutputFormat;
  files?: { path: string; format: OutputFormat }[];
  isPushToTalk?: boolean;
  /** What goes wrong with the source at its end. */
  dies?: string;
  /** The end never comes: much is left to hear. */
  hangs?: boolean;
  /** A file that is made when the source has given all. */
  marker?: string;
}

const BLOCK_SECONDS = 0.02;

function sourceOf({ seconds, dies, marker }: LiveProgram): LiveSource {
  let isStopped = false;
  return {
    name: "scripted",
    aheadSeconds: Infinity,
    warnings: [],
    onWarning: () => {},
    async *blocks() {
      for (let time = 0; time < seconds && !isStopped; time += BLOCK_SECONDS) {
        await new Promise((resolve) => setTimeout(resolve, BLOCK_SECONDS * 1000));
        yield new Float32Array(16000 * BLOCK_SECONDS).fill(0.1);
      }
      if (marker !== undefined) await Deno.writeTextFile(marker, "");
      if (dies !== undefined && !isStopped) throw new Error(dies);
    },
    stop: () => isStopped = true,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function main(): Promise<number> {
  const program: LiveProgram = JSON.parse(await Deno.readTextFile(Deno.args[0]!));
  const terminal = new Terminal({ quiet: Deno.args.includes("-q") });
  using interruption = new Interruption(() => {});
  await using stack = new AsyncDisposableStack();
  const files: FileSink[] = [];
  for (const file of program.files ?? []) {
    files.push(stack.use(await FileSink.open({ ...file, options: {}, terminal })));
  }
  const stream = new ScriptedStream(program.script, program.hangs);
  try {
    await hear(stream, sourceOf(program), {
      terminal,
      interruption,
      format: files.length > 0 ? undefined : program.format ?? "txt",
      writer: {},
      files,
      isPushToTalk: program.isPushToTalk ?? false,
    });
    if (program.isPushToTalk) terminal.note(`cut after ${stream.cuts.map((count) => count > 0).join(", ")}`);
    return 0;
  } catch (error) {
    if (error instanceof OutputClosed) return 141;
    terminal.error(sentence(error));
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main());
