import { assert, assertEquals } from "@std/assert";
import { soakSessions } from "./support/realtime_crowd.ts";

/** The long form is bench/realtime_soak.ts. */
Deno.test("rounds of sessions leave nothing behind: no session, no descriptor, no memory, and no wrong text", async () => {
  const rounds = await Array.fromAsync(soakSessions({ rounds: 3, sessions: 12, atOnce: 4 }));
  assertEquals(rounds.map(({ wrong, open, left }) => [wrong, open, left]), [[0, 0, 3], [0, 0, 3], [0, 0, 3]]);
  const [, second, third] = rounds;
  assertEquals(third!.descriptors, second!.descriptors);
  assert(third!.residentMB < second!.residentMB + 50, `${second!.residentMB} and ${third!.residentMB} MB`);
});
