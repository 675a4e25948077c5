/**
 * Clients of the realtime socket as they are in life: most say something and read the answer, some leave in the middle.
 *
 * @module
 */
import { ClientSound, RealtimeClient } from "./realtime_client.ts";
import { soon } from "./server_raw.ts";
import { references, start } from "./server_start.ts";

const NAMES = ["dev-01-en.wav", "dev-02-de.wav", "dev-04-en.wav"];
const MANUAL = { audio: { input: { turn_detection: null } } };

/** What a round of sessions left behind. */
export interface SoakRound {
  round: number;
  seconds: number;
  left: number;
  wrong: number;
  residentMB: number;
  /** Sessions that are still counted. */
  open: number;
  descriptors: number;
}

/** How many there are. */
export interface SoakOptions {
  rounds: number;
  /** A round. */
  sessions: number;
  atOnce: number;
}

async function descriptors(): Promise<number> {
  try {
    return (await Array.fromAsync(Deno.readDir("/proc/self/fd"))).length;
  } catch {
    return 0;
  }
}

/** Runs rounds of sessions on one server. */
export async function* soakSessions(
  { rounds, sessions, atOnce }: SoakOptions,
): AsyncGenerator<SoakRound, void> {
  await using server = await start();
  const texts = await references();
  const sounds = await Promise.all(NAMES.map((name) => ClientSound.of(name)));
  const open = async () => {
    const response = await server.handler(new Request(`${server.url}/metrics`));
    return Number(/^qwen3_asr_sessions_open (\d+)$/m.exec(await response.text())?.[1]);
  };
  /** One session; whether its text is the right one, undefined when it left. */
  const one = async (at: number): Promise<boolean | undefined> => {
    const sound = sounds[at % NAMES.length]!;
    await using client = new RealtimeClient(server);
    await client.event("session.created");
    if (at % 2 === 0) client.send({ type: "session.update", session: MANUAL });
    if (at % 4 === 3) {
      client.append(sound.slice(0, 20_000 + 100 * (at % 100)), 4800);
      return undefined;
    }
    client.append(sound, 4800);
    client.send({ type: "input_audio_buffer.commit" });
    const { transcript } = await client.event("completed");
    return transcript === texts.get(NAMES[at % NAMES.length]!);
  };
  for (let round = 1; round <= rounds; round++) {
    const start = performance.now();
    const results: (boolean | undefined)[] = [];
    let next = 0;
    await Promise.all(Array.from({ length: atOnce }, async () => {
      while (next < sessions) results.push(await one(next++));
    }));
    await soon("all given back", async () => await open() === 0);
    yield {
      round,
      seconds: (performance.now() - start) / 1000,
      left: results.filter((result) => result === undefined).length,
      wrong: results.filter((result) => result === false).length,
      residentMB: Deno.memoryUsage().rss / 2 ** 20,
      open: await open(),
      descriptors: await descriptors(),
    };
  }
}
