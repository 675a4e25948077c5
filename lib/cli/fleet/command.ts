/**
 * The command `fleet`: an archive over many machines.
 *
 * @module
 */
import { Fleet } from "../../fleet/fleet.ts";
import { JobError, QueueError } from "../../fleet/queue_error.ts";
import type { Arguments } from "../arguments.ts";
import { Interruption } from "../interruption.ts";
import type { Terminal } from "../terminal.ts";
import { failed, status } from "./look.ts";
import type { FleetCall } from "./call.ts";
import { cancel, retry } from "./choose.ts";
import { results } from "./results.ts";
import { type Action, actionOf, addressOf } from "./settings.ts";
import { submit } from "./submit.ts";
import { work } from "./work.ts";

const RUNNERS: Record<Action, (call: FleetCall) => Promise<number>> = {
  submit,
  work,
  status,
  results,
  failed,
  retry,
  cancel,
};

/** Runs the command. */
export async function fleet(args: Arguments, terminal: Terminal): Promise<number> {
  const { action, operands } = actionOf(args);
  const address = addressOf(args);
  using interruption = new Interruption(() =>
    terminal.note("Interrupted: ending in order; Ctrl-C again ends at once")
  );
  const { signal } = interruption;
  const open = async ({ forRoom = false } = {}) =>
    await Fleet.open(address, {
      signal,
      forRoom,
      onWait: (reason) => terminal.warn(`Waiting for the queue: ${reason}`),
    });
  try {
    const code = await RUNNERS[action]({ args, terminal, operands, interruption, open });
    return interruption.isOver ? interruption.code : code;
  } catch (error) {
    if (interruption.isOver) return interruption.code;
    if (!(error instanceof QueueError || error instanceof JobError)) throw error;
    terminal.error(error.message);
    return 1;
  }
}
