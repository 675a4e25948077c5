/**
 * `--watch DIR`: transcribes what arrives in a folder.
 *
 * @module
 */
import { resolve } from "@std/path";
import { sleep } from "../abortable.ts";
import { AudioError, OptionError } from "../errors.ts";
import { fileInput, type Input, recordingsIn } from "./inputs.ts";
import type { OutputPlan } from "./outputs.ts";
import type { Terminal } from "./terminal.ts";

/** How long a recording must stay unchanged before it counts as all there. */
const QUIET_MS = 1000;
const POLL_SECONDS = 0.5;

/** What watching works with. */
export interface WatchOptions {
  run: {
    all(inputs: readonly Input[], isOneOfMany: boolean): Promise<void>;
    fail(name: string, error: unknown): void;
  };
  plan: OutputPlan;
  terminal: Terminal;
  signal: AbortSignal;
  recursive: boolean;
}

/** A file as it was when it was looked at last. */
interface Seen {
  /** Its size and time of change. */
  state: string;
  sinceMs: number;
  isTaken: boolean;
}

/** Paths that have stayed as they are for a while and were not taken before in this state. */
async function ready(directory: string, recursive: boolean, seen: Map<string, Seen>): Promise<string[]> {
  const found: string[] = [];
  for (const path of await recordingsIn(directory, recursive)) {
    const info = await Deno.stat(path).catch(() => undefined);
    if (!info?.isFile) continue;
    const state = `${info.size} ${info.mtime?.getTime()}`;
    const known = seen.get(path);
    if (known?.state !== state) seen.set(path, { state, sinceMs: performance.now(), isTaken: false });
    else if (!known.isTaken && info.size > 0 && performance.now() - known.sinceMs >= QUIET_MS) {
      known.isTaken = true;
      found.push(path);
    }
  }
  return found;
}

/**
 * Watches until the signal; what is there already comes first.
 *
 * @returns Whether a recording was being transcribed when the signal came.
 */
export async function watch(directory: string, options: WatchOptions): Promise<boolean> {
  const { run, plan, terminal, signal, recursive } = options;
  const info = await Deno.stat(directory).catch(() => undefined);
  if (!info?.isDirectory) throw new AudioError(`Cannot watch ${directory}: there is no such folder`);
  terminal.note(`Watching ${directory}; Ctrl-C ends`);
  const seen = new Map<string, Seen>();
  const written = new Map<string, string>();
  while (!signal.aborted) {
    for (const path of await ready(directory, recursive, seen)) {
      const input = fileInput(path, directory);
      const clash = plan.toFiles
        ? plan.paths(input).find((output) => (written.get(resolve(output)) ?? path) !== path)
        : undefined;
      if (clash === undefined) {
        if (plan.toFiles) { for (const output of plan.paths(input)) written.set(resolve(output), path); }
        await run.all([input], true);
        if (signal.aborted) return true;
      } else {
        run.fail(
          path,
          new OptionError(`Cannot write ${clash} for ${path} too: add {ext} to --output-template`),
        );
      }
    }
    await sleep(POLL_SECONDS, signal).catch(() => {});
  }
  return false;
}
