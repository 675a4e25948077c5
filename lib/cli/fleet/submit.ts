/**
 * `fleet submit`: recordings into the queue.
 *
 * @module
 */
import { dirname, fromFileUrl, resolve } from "@std/path";
import { OptionError } from "../../errors.ts";
import { isRemote, modelKey } from "../../fleet/job.ts";
import { type Outcome, Submitter } from "../../fleet/submit.ts";
import { type Input, planInputs } from "../inputs.ts";
import { speechOptions } from "../settings.ts";
import { sentence } from "../terminal.ts";
import type { FleetCall } from "./call.ts";
import { DEFAULT_MODEL, submitSettings } from "./settings.ts";

/** Lines of a list of recordings; paths are relative to the list, lines with `#` are notes. */
async function manifestLines(path: string): Promise<string[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound ? "there is no such file" : "it cannot be read";
    throw new OptionError(`Cannot use --manifest ${path}: ${reason}`, { cause });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => !/^(#|$)/.test(line));
  return lines.map((line) => /^\w+:\/\//.test(line) ? line : resolve(dirname(path), line));
}

/** A recording as all machines name it. */
function shared(input: Input): Input {
  const { source } = input;
  if (isRemote(source)) return input;
  if (/^file:/i.test(source)) return { ...input, source: fromFileUrl(source) };
  if (source !== "-" && !/^(data|blob):/i.test(source)) return { ...input, source: resolve(source) };
  throw new OptionError(`Cannot submit ${input.name}: other machines cannot read it; save it as a file`);
}

/** How many recordings became what. */
class Tally {
  readonly counts = new Map<string, number>();
  errors = 0;

  add(outcome: Outcome): void {
    if (outcome instanceof Error) this.errors++;
    else this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
  }

  toString(): string {
    const parts = [...this.counts].map(([outcome, count]) => `${count} ${outcome}`);
    if (this.errors > 0) parts.push(`${this.errors} not submitted`);
    return parts.join(", ") || "nothing";
  }
}

/** Runs it. */
export async function submit({ args, terminal, operands, interruption, open }: FleetCall): Promise<number> {
  const manifest = args.text("manifest");
  const named = [...operands, ...manifest === undefined ? [] : await manifestLines(manifest)];
  if (named.length === 0) {
    throw new OptionError("Nothing to submit: name recordings, folders, addresses, or a --manifest");
  }
  const options = await speechOptions(args);
  const model = modelKey(args.text("model") ?? DEFAULT_MODEL);
  const { inputs, bad } = await planInputs(named, {
    recursive: args.on("recursive"),
    offline: args.on("offline"),
  });
  const tally = new Tally();
  const tell = (name: string, outcome: Outcome) => {
    tally.add(outcome);
    if (outcome instanceof Error) {
      const reason = sentenceOf(outcome, terminal.verbose);
      terminal.error(reason.includes(name) ? reason : `${name}: ${reason}`);
    } else if (outcome === "failed before") terminal.warn(`${name}: failed before; fleet retry tries again`);
    else terminal.detail(`${name}: ${outcome}`);
  };
  for (const { name, error } of bad) tell(name, error);
  await using fleet = await open();
  const submitter = new Submitter(fleet, {
    ...submitSettings(args),
    model,
    options,
    signal: interruption.signal,
    onEach: tell,
  });
  await submitter.all(inputs.map(shared));
  terminal.note(`${inputs.length + bad.length} recordings: ${tally}`);
  return tally.errors > 0 ? 1 : 0;
}

/** Errors of the fleet are sentences already. */
function sentenceOf(error: Error, verbose: boolean): string {
  return ["QueueError", "JobError"].includes(error.name) ? error.message : sentence(error, verbose);
}
