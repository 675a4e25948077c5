import { assert, assertEquals, assertMatch } from "@std/assert";
import { sleep } from "../lib/abortable.ts";
import { Fleet } from "../lib/fleet/fleet.ts";
import type { Begun } from "../lib/fleet/journal.ts";
import { overviewOf } from "../lib/fleet/overview.ts";
import { planParts } from "../lib/fleet/plan.ts";
import { ModelRecognizer } from "../lib/fleet/recognizer.ts";
import { Qwen3ASR } from "../mod.ts";
import { cli, Folder, ROOT, startCli } from "./support/cli_process.ts";
import { recordings } from "./support/demo_files.ts";
import { Crew, submitAll } from "./support/fleet_sleeper.ts";
import { NatsServer } from "./support/nats_server.ts";

const LONG = `${ROOT}/demo/recordings/long-en.wav`;

/** What does not depend on who computed it. */
function told<T extends { stats: unknown }>({ stats: _stats, ...rest }: T): Omit<T, "stats"> {
  return rest;
}

/** Whatever became of a test, its processes end with it. */
function end(child: Deno.ChildProcess, signal: Deno.Signal = "SIGKILL"): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended.
  }
}

Deno.test("24 recordings, 3 workers killed at random, a server stopped and started: each text once", async () => {
  await using server = await NatsServer.start();
  await using folder = await Folder.make();
  const short = (await recordings()).filter(({ path }) => path !== LONG).slice(0, 24);
  const env = { QWEN3_ASR_QUEUE: server.url, QWEN3_ASR_MODEL: "demo" };
  const run = (...args: string[]) => cli(["fleet", ...args], { env });
  const submitted = await run("submit", ...short.map(({ path }) => path));
  assertMatch(submitted.stderr, /^24 recordings: 24 queued$/m);
  const worker = () => startCli(["fleet", "work", "--lease", "2", "--tries", "20", "-q"], { env });
  const workers = [worker(), worker(), worker()];
  using _ended = { [Symbol.dispose]: () => workers.forEach((child) => end(child)) };
  const output = workers.map((child) => child.output());
  {
    await using fleet = await Fleet.open({ url: server.url });
    const isAt = async (count: number) => (await overviewOf(fleet)).recordings.done >= count;
    while (!(await isAt(4))) await sleep(0.1);
    end(workers[0]!);
    await server.down();
    await sleep(0.5);
    await server.up();
    while (!(await isAt(12))) await sleep(0.1);
    end(workers[1]!);
    workers.push(worker());
    while (!(await isAt(24))) await sleep(0.1);
    const keys = await Array.fromAsync(fleet.shelves.results.keys());
    assertEquals(keys.length, 24);
  }
  const status = await run("status", "--json");
  assertEquals(JSON.parse(status.stdout).recordings, { waiting: 0, done: 24, failed: 0, lost: 0 });
  for (const child of workers.slice(2)) end(child, "SIGTERM");
  await Promise.all([...output, workers[3]!.output()]);
  const written = await run("results", "-f", "txt,srt", "-o", folder.path);
  assertMatch(written.stderr, /^24 recordings: 24 done, 0 not yet$/m);
  for (const { path, text } of short) {
    const name = path.split("/").at(-1)!.replace(".wav", ".txt");
    assertEquals((await Deno.readTextFile(folder.at(name))).trim(), text);
  }
  const again = await run("submit", ...short.map(({ path }) => path));
  assertMatch(again.stderr, /^24 recordings: 24 done before$/m);
});

Deno.test("a long recording over 4 workers is what one machine says: text, segments, words, chunks, verdict", async () => {
  await using server = await NatsServer.start();
  const options = { timestamps: "word", chunkSeconds: 12 } as const;
  const load = { aligner: "demo" };
  await using fleet = await Fleet.open({ url: server.url });
  await submitAll(fleet, [LONG], { model: "demo", options, partSeconds: 20 });
  using stack = new DisposableStack();
  {
    await using crew = new Crew(server.url);
    const models = await Promise.all(
      Array.from({ length: 4 }, () => ModelRecognizer.open("demo", "demo", load)),
    );
    for (const model of models) stack.use(model);
    await Promise.all(models.map((model) => crew.hire(model, { once: true, leaseSeconds: 30 })));
  }
  const [asked] = await Array.fromAsync(fleet.shelves.asked.entries());
  const { id } = asked![1].job;
  assertEquals(await fleet.partCount(id), 6);
  await using asr = await Qwen3ASR.load("demo", load);
  const one = await asr.transcribe(LONG, options);
  assertEquals(told((await fleet.transcript(id))!), told(one));
});

Deno.test("a part that was interrupted goes on at its last finished chunk, to the same end", async () => {
  using recognizer = await ModelRecognizer.open("demo", "demo", {});
  const job = {
    ...{ id: "a", source: LONG, name: "long", isUploaded: false, content: "", model: "demo" },
    ...{ options: { chunkSeconds: 8, batchSize: 2 }, priority: "normal" as const, partSeconds: 600 },
  };
  const open = () => Promise.resolve({ source: LONG, [Symbol.asyncDispose]: () => Promise.resolve() });
  const signal = new AbortController().signal;
  const [part] = (await recognizer.plan({ job, open }, signal)).parts;
  // The second half of the recording: its chunks do not begin at 0.
  const half = planParts(part!.chunks.slice(8), undefined, 600)[0]!;
  const whole = await recognizer.decode({ job, open }, half, {
    signal,
    before: undefined,
    onBegun: () => {},
  });
  const stop = new AbortController();
  let begun: Begun | undefined;
  const cut = recognizer.decode({ job, open }, half, {
    signal: stop.signal,
    before: undefined,
    onBegun: (found) => {
      begun = found;
      if (found.chunks.length >= 3) stop.abort(new DOMException("Killed.", "AbortError"));
    },
  });
  assertEquals(await cut.then(() => "done", (error) => error.message), "Killed.");
  const kept = JSON.parse(JSON.stringify(begun)) as Begun;
  let news = 0;
  const rest = await recognizer.decode({ job, open }, half, {
    signal,
    before: kept,
    onBegun: () => news++,
  });
  assertEquals([rest.chunks, rest.segments], [whole.chunks, whole.segments]);
  assert(kept.chunks.length >= 3 && news <= whole.chunks.length - kept.chunks.length);
});

Deno.test("fleet says in one sentence what it cannot do", async () => {
  const said = async (...args: string[]) => {
    const { code, stderr } = await cli(["fleet", ...args]);
    return `${code} ${stderr.trim()}`;
  };
  const answers = await Promise.all([
    said(),
    said("sumbit", "a.wav"),
    said("work", "--upload"),
    said("submit"),
    said("submit", "-"),
    said("work", "--lease", "0"),
    said("status", "--queue", "nats://127.0.0.1:1"),
  ]);
  assertEquals(answers.slice(0, 4), [
    "2 error: fleet needs a word: submit, work, status, results, failed, retry, cancel",
    '2 error: fleet does not know "sumbit", did you mean submit?',
    "2 error: Cannot use --upload with fleet work: it is for fleet submit",
    "2 error: Nothing to submit: name recordings, folders, addresses, or a --manifest",
  ]);
  assertMatch(answers[5]!, /^2 error: Cannot use --lease 0: it must be a number of seconds from 1 to 3600$/);
  assertMatch(
    answers[6]!,
    /^1 error: Cannot reach the queue at nats:\/\/127\.0\.0\.1:1 \(connection refused\)/,
  );
});
