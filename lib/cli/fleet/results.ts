/**
 * `fleet results`: transcripts of what is done so far.
 *
 * @module
 */
import type { Fleet } from "../../fleet/fleet.ts";
import type { Asked } from "../../fleet/shelves.ts";
import { sentence } from "../terminal.ts";
import { transcriptPlan } from "../transcribe.ts";
import { isMeant } from "./choose.ts";
import type { FleetCall } from "./call.ts";

/** What was asked for: of each recording the latest wish. */
async function wanted(fleet: Fleet, operands: readonly string[]): Promise<Asked[]> {
  const latest = new Map<string, Asked>();
  for await (const [, asked] of fleet.shelves.asked.entries()) {
    if (operands.length > 0 && !operands.some((word) => isMeant(asked.job, word))) continue;
    const { source } = asked.input;
    if ((latest.get(source)?.askedAt ?? -Infinity) < asked.askedAt) latest.set(source, asked);
  }
  return [...latest.values()].sort((a, b) => a.input.source < b.input.source ? -1 : 1);
}

/** Runs it. */
export async function results({ args, terminal, operands, interruption, open }: FleetCall): Promise<number> {
  const plan = transcriptPlan(args);
  await using fleet = await open();
  const all = await wanted(fleet, operands);
  if (all.length > 1) plan.checkSeveral();
  plan.check(all.map(({ input }) => input));
  let done = 0, failures = 0;
  for (const { job, input } of all) {
    if (interruption.isOver) break;
    const transcript = await fleet.transcript(job.id);
    if (transcript === undefined) continue;
    try {
      if (plan.toFiles) await plan.write(input, transcript, (text) => terminal.write(text));
      else terminal.write(plan.print(input, transcript, all.length > 1));
      done++;
    } catch (error) {
      failures++;
      terminal.error(`${input.name}: ${sentence(error, terminal.verbose)}`);
    }
  }
  terminal.note(`${all.length} recordings: ${done} done, ${all.length - done - failures} not yet`);
  return failures > 0 ? 1 : 0;
}
