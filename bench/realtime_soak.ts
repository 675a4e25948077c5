/**
 * Many realtime sessions, one after the other and several at once, on one server: memory and handles at the end are those
 * of the beginning.
 *
 * ```sh
 * deno run -A bench/realtime_soak.ts [--sessions 300] [--at-once 8]
 * ```
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { soakSessions } from "../tests/support/realtime_crowd.ts";

const { sessions, "at-once": atOnce } = parseArgs(Deno.args, {
  string: ["sessions", "at-once"],
  default: { sessions: "300", "at-once": "8" },
});
const rounds = 6;
const each = Math.ceil(Number(sessions) / rounds);
for await (const round of soakSessions({ rounds, sessions: each, atOnce: Number(atOnce) })) {
  console.log(
    `round ${round.round}: ${each} sessions (${round.left} left early) in ${round.seconds.toFixed(1)} s, ` +
      `${round.wrong} wrong texts, resident ${round.residentMB.toFixed(0)} MB, ` +
      `${round.open} open, ${round.descriptors} descriptors`,
  );
}
Deno.exit(0);
