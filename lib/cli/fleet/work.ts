/**
 * `fleet work`: this machine takes jobs until it is told to stop.
 *
 * @module
 */
import { modelKey } from "../../fleet/job.ts";
import { ModelRecognizer } from "../../fleet/recognizer.ts";
import { Worker } from "../../fleet/worker.ts";
import { ensureLibrary } from "../get_library.ts";
import { locateModel } from "../get_model.ts";
import { VERSION } from "../help.ts";
import { modelSettings } from "../settings.ts";
import type { FleetCall } from "./call.ts";
import { DEFAULT_MODEL, workSettings } from "./settings.ts";

/** Runs it. */
export async function work({ args, terminal, interruption, open }: FleetCall): Promise<number> {
  const { signal } = interruption;
  const settings = modelSettings(args);
  const named = { ...settings, model: settings.model ?? DEFAULT_MODEL };
  const { name, tries, leaseSeconds } = workSettings(args);
  // Before anything large is loaded for it. A full disk there is waited for, with the work in hand.
  await using fleet = await open({ forRoom: true });
  await ensureLibrary(named, terminal, signal);
  const found = await locateModel(named, terminal, signal);
  const { device, dtype, threads, libraryPath, aligner } = settings;
  using recognizer = await ModelRecognizer.open(
    modelKey(named.model),
    found.source === "demo" ? "demo" : found.directory,
    { device, dtype, threads, libraryPath, aligner },
  );
  const worker = new Worker(fleet, {
    name,
    version: VERSION,
    recognizer,
    tries,
    leaseSeconds,
    signal,
    log: (line) => terminal.note(line),
    once: args.on("until-empty"),
  });
  interruption.libraryPath = libraryPath;
  terminal.note(`${name} works for the fleet with ${recognizer.model}`);
  await worker.run();
  const { done, failed } = worker.counts;
  terminal.note(`${done} done${failed > 0 ? `, ${failed} failed` : ""}`);
  return 0;
}
