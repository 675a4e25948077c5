import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { sleep } from "../lib/abortable.ts";
import { contentOf } from "../lib/fleet/content.ts";
import { Fleet } from "../lib/fleet/fleet.ts";
import { sha256 } from "../lib/fleet/job.ts";
import type { Begun } from "../lib/fleet/journal.ts";
import { overviewOf } from "../lib/fleet/overview.ts";
import { planParts } from "../lib/fleet/plan.ts";
import { ModelRecognizer } from "../lib/fleet/recognizer.ts";
import { Qwen3ASR } from "../mod.ts";
import { cli, Folder, reference, ROOT, startCli } from "./support/cli_process.ts";
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

Deno.test("a poisoned file is one sentence in `fleet failed`; retry, cancel and status do what they say", async () => {
  await using server = await NatsServer.start();
  await using folder = await Folder.make();
  await folder.copy("dev-01-en.wav");
  await folder.put("bad.wav", "no sound at all");
  const list = await folder.put("list.txt", "# two\ndev-01-en.wav\nbad.wav\n");
  const env = { QWEN3_ASR_QUEUE: server.url, QWEN3_ASR_MODEL: "demo" };
  const run = (...args: string[]) => cli(["fleet", ...args], { env });
  const submitted = await run("submit", "--manifest", list, "--upload", "--upload-gb", "0.01");
  assertMatch(submitted.stderr, /^2 recordings: 2 queued$/m);
  assertMatch(
    (await run("status")).stdout,
    /2: 0 done, 2 waiting[^]*nobody works with demo[^]*no machine is at work/,
  );
  await run("work", "--until-empty", "--tries", "1");
  const failed = await run("failed");
  assertMatch(failed.stdout, /^[0-9a-f]{12} {2}\S+bad\.wav {2}1 try {2}\S+ {2}Cannot read [^\n]+\n$/);
  assertEquals(JSON.parse((await run("failed", "--json")).stdout).tries, 1);
  assertEquals((await run("results")).stdout.trim(), await reference("dev-01-en.wav"));
  assertMatch((await run("retry", "--all")).stderr, /^1 recordings: queued again$/m);
  assertMatch((await run("cancel")).stderr, /fleet cancel needs names or ids of recordings, or --all$/m);
  assertMatch((await run("cancel", "nothing")).stderr, /There is no such recording to cancel: nothing/);
  assertMatch((await run("cancel", folder.at("bad.wav"))).stderr, /^1 recordings: cancelled$/m);
  assertMatch((await run("status")).stdout, /1: 1 done, 0 waiting/);
  assertMatch((await run("failed")).stdout, /^nothing failed$/m);
});

Deno.test("an address is known by its strong ETag, without one by its bytes", async () => {
  let tag: string | undefined;
  let reads = 0;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ method }) => {
    if (method === "GET") reads++;
    const headers: Record<string, string> = tag === undefined ? {} : { etag: tag };
    return new Response("sound", { headers: { ...headers, "content-length": "5" } });
  });
  const url = `http://127.0.0.1:${server.addr.port}/a.wav`;
  const plain = await contentOf(url);
  assertEquals([plain, reads], [{ content: sha256("sound"), sizeBytes: 5 }, 1]);
  tag = 'W/"1"';
  assertEquals([await contentOf(url), reads], [plain, 2]);
  tag = '"1"';
  const first = await contentOf(url);
  assertEquals([await contentOf(url), reads], [first, 2]);
  tag = '"2"';
  assertNotEquals((await contentOf(url)).content, first.content);
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
