/**
 * From a model's name to a loaded model; one that is not on this machine is downloaded, after a question.
 *
 * @module
 */
import { ModelError } from "../errors.ts";
import {
  downloadModel,
  type DownloadProgress,
  findModel,
  type ResolvedModel,
  resolveModel,
} from "../hub/mod.ts";
import { Qwen3ASR } from "../qwen3_asr.ts";
import { clock } from "../clock.ts";
import { size } from "./clock.ts";
import { ensureLibrary } from "./get_library.ts";
import { bar } from "./progress.ts";
import { canAsk, confirm } from "./question.ts";
import type { ModelSettings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

const PLAIN_LINE_MS = 5000;

/** Shows a download; the returned function takes its progress. */
export function downloadReporter(terminal: Terminal): (progress: DownloadProgress) => void {
  const start = performance.now();
  let last = terminal.isLive ? 0 : start;
  let previousPhase = "";
  return (progress) => {
    const { phase, doneBytes, totalBytes, fetchedBytes, repository } = progress;
    if (phase === "waiting" && previousPhase !== "waiting") {
      terminal.note(`Waiting: another process downloads ${repository}`);
    }
    previousPhase = phase;
    const now = performance.now();
    if (totalBytes === 0 || phase === "done") return terminal.clear();
    if (now - last < (terminal.isLive ? 100 : PLAIN_LINE_MS)) return;
    last = now;
    const bytesPerSecond = fetchedBytes / ((now - start) / 1000);
    const left = bytesPerSecond > 0 ? `  ${clock((totalBytes - doneBytes) / bytesPerSecond)} left` : "";
    const facts = `${size(doneBytes)}/${size(totalBytes)}  ${size(bytesPerSecond)}/s${left}`;
    if (!terminal.isLive) return terminal.note(`${repository}: ${facts}`);
    terminal.draw([`${repository} ${terminal.paint("cyan", bar(doneBytes / totalBytes, 20))}▏ ${facts}`]);
  };
}

/** Downloads and says so. */
export async function download(
  name: string,
  terminal: Terminal,
  options: { offline?: boolean; signal?: AbortSignal } = {},
): Promise<ResolvedModel> {
  const report = downloadReporter(terminal);
  try {
    return await downloadModel(name, {
      ...(options.offline ? { offline: true } : {}),
      signal: options.signal,
      onProgress: report,
    });
  } finally {
    terminal.clear();
  }
}

/** Finds the model, or gets it. */
export async function locateModel(
  settings: ModelSettings,
  terminal: Terminal,
  signal?: AbortSignal,
): Promise<ResolvedModel> {
  const { model: found, wanted } = await findModel(settings.model);
  if (found !== undefined) return found;
  if (wanted === undefined || settings.offline) return await resolveModel(settings.model);
  const name = settings.model ?? wanted.repository;
  if (!settings.yes && canAsk(terminal)) {
    const meaning = name === wanted.repository ? "" : ` (${wanted.repository})`;
    const question = `Model ${name}${meaning} is not on this machine. Download it?`;
    if (!await confirm(terminal, question, signal)) {
      signal?.throwIfAborted();
      throw new ModelError(`Model ${name} is not on this machine and was not downloaded`, {
        code: "model-not-found",
      });
    }
  }
  terminal.note(`Downloading ${wanted.repository}; it stays in the Hugging Face cache`);
  return await download(name, terminal, signal ? { signal } : {});
}

/** Loads the model and says which it is. */
export async function loadModel(
  settings: ModelSettings,
  terminal: Terminal,
  signal?: AbortSignal,
): Promise<Qwen3ASR> {
  await ensureLibrary(settings, terminal, signal);
  const found = await locateModel(settings, terminal, signal);
  const isLarge = terminal.isLive;
  if (isLarge) terminal.draw([terminal.paint("dim", `loading ${found.name}`)]);
  try {
    const { device, dtype, threads, libraryPath, aligner } = settings;
    const asr = await Qwen3ASR.load(found.source === "demo" ? "demo" : found.directory, {
      aligner,
      download: settings.yes && !settings.offline,
      device,
      dtype,
      threads,
      libraryPath,
    });
    const { info } = asr;
    terminal.detail(
      `model ${found.name} (${found.source}: ${found.directory}), ${
        size(info.storedBytes)
      }, ${info.device}, ` +
        `${info.dtype}, MLX ${info.mlxVersion}, loaded in ${Math.round(info.loadMs)} ms`,
    );
    if (found.source === "demo") {
      terminal.note("The demo model knows a small domain of English and German only: see demo/README.md");
    }
    return asr;
  } finally {
    terminal.clear();
  }
}
