/**
 * What every action of `fleet` has to work with.
 *
 * @module
 */
import type { Fleet } from "../../fleet/fleet.ts";
import type { Arguments } from "../arguments.ts";
import type { Interruption } from "../interruption.ts";
import type { Terminal } from "../terminal.ts";

/** What an action has to work with. */
export interface FleetCall {
  args: Arguments;
  terminal: Terminal;
  /** What stands behind the action's name. */
  operands: readonly string[];
  interruption: Interruption;
  /** Connects; a server that goes away later is waited for. */
  open: (options?: { forRoom?: boolean }) => Promise<Fleet>;
}
