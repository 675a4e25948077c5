/**
 * The command `inspect`: what the model sees and does, as a picture of the mel (SVG), as JSON, and as a page to read and
 * hear.
 *
 * @module
 */
import { basename, join } from "@std/path";
import { OptionError } from "../errors.ts";
import type { Trace, TraceStep } from "../recognize/inspection/trace.ts";
import type { Arguments } from "./arguments.ts";
import { loadModel } from "./get_model.ts";
import { planInputs } from "./inputs.ts";
import { Interruption } from "./interruption.ts";
import { Progress } from "./progress.ts";
import { modelSettings, speechOptions } from "./settings.ts";
import type { Terminal } from "./terminal.ts";
import { melMap } from "../view/mel_map.ts";
import { inspectionPage } from "../view/mod.ts";
import { OutputProbe, writeFile } from "./write_file.ts";

function stepOf({ id, text, written, kind, probability, entropy, milliseconds, top }: TraceStep): object {
  return {
    id,
    text,
    written,
    kind,
    probability,
    entropy,
    milliseconds,
    top: top.map((candidate) => ({
      id: candidate.id,
      text: candidate.text,
      probability: candidate.probability,
    })),
  };
}

/** Everything but the tensors. */
function summaryOf(input: string, trace: Trace): object {
  return {
    input,
    text: trace.text,
    language: trace.transcript.language,
    durationSeconds: trace.transcript.durationSeconds,
    cutsSeconds: trace.cutsSeconds,
    plan: trace.plan,
    energy: {
      frameSeconds: trace.energy.frameSeconds,
      db: Array.from(trace.energy.db, (db) => Math.round(db * 10) / 10),
    },
    speech: trace.speech && {
      intervals: trace.speech.intervals,
      firstFrameSeconds: trace.speech.firstFrameSeconds,
      frameSeconds: trace.speech.frameSeconds,
      probabilities: Array.from(trace.speech.probabilities, (p) => Math.round(p * 1000) / 1000),
    },
    skipped: trace.transcript.skipped,
    chunks: trace.chunks.map(({ index, result, passes }) => ({
      index,
      startSeconds: result.startSeconds,
      endSeconds: result.endSeconds,
      text: result.text,
      language: result.language,
      finishReason: result.finishReason,
      coverage: result.coverage,
      rescues: result.rescues,
      passes: passes.map((pass) => ({
        startSeconds: pass.startSeconds,
        durationSeconds: pass.durationSeconds,
        melShape: pass.mel.shape,
        audioTokens: pass.audioTokens,
        promptTokens: pass.promptTokens.length,
        temperature: pass.temperature,
        finishReason: pass.finishReason,
        text: pass.text,
        cache: pass.cache,
        times: pass.times,
        steps: pass.steps.map(stepOf),
      })),
    })),
    stats: trace.transcript.stats,
    warnings: trace.transcript.warnings,
  };
}

/** Runs the command. */
export async function inspect(args: Arguments, terminal: Terminal): Promise<number> {
  const { inputs, bad } = await planInputs(args.operands, { recursive: false, offline: args.on("offline") });
  if (bad[0] !== undefined) throw bad[0].error;
  const [input, ...more] = inputs;
  if (input === undefined || more.length > 0) {
    throw new OptionError(`inspect takes one recording, got ${inputs.length}`);
  }
  const options = await speechOptions(args);
  const directory = args.text("output-dir") ?? ".";
  const svg = join(directory, `${input.stem}.inspect.svg`);
  const json = join(directory, `${input.stem}.inspect.json`);
  const html = join(directory, `${input.stem}.inspect.html`);
  const probe = new OutputProbe();
  for (const path of [svg, json, html]) await probe.try(path);
  using interruption = new Interruption(() => terminal.note("Interrupted: nothing is written"));
  try {
    await using asr = await loadModel(modelSettings(args), terminal, interruption.signal);
    interruption.libraryPath = asr.info.libraryPath;
    const progress = new Progress(terminal, input.name, {
      startSeconds: options.range?.startSeconds ?? 0,
      beforeSeconds: 0,
    });
    const trace = await asr.inspect(input.source, {
      ...options,
      timestamps: "word",
      attention: "watched",
      signal: interruption.signal,
      onProgress: (event) => progress.event(event),
    }).finally(() => progress.end());
    await writeFile(svg, await melMap(trace, `${input.stem}: log-mel`).toSVG());
    await writeFile(json, `${JSON.stringify(summaryOf(input.source, trace), null, 2)}\n`);
    await writeFile(html, await inspectionPage(trace, basename(input.name)));
    terminal.write(`${svg}\n${json}\n${html}\n`);
    return 0;
  } catch (error) {
    if (interruption.isOver) return interruption.code;
    throw error;
  }
}
