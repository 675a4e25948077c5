import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { sleep } from "../lib/abortable.ts";
import { Fleet } from "../lib/fleet/fleet.ts";
import { overviewOf } from "../lib/fleet/overview.ts";
import { QueueError } from "../lib/fleet/queue_error.ts";
import { Folder } from "./support/cli_process.ts";
import { Crew, Sleeper, submitAll } from "./support/fleet_sleeper.ts";
import { NatsServer } from "./support/nats_server.ts";

/** A server, a connection, a crew and some recordings. */
async function scene(texts: Record<string, string> = {}) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await NatsServer.start());
  const folder = stack.use(await Folder.make());
  const fleet = stack.use(await Fleet.open({ url: server.url }));
  const crew = stack.use(new Crew(server.url));
  const paths = await Promise.all(Object.entries(texts).map(([name, text]) => folder.put(name, text)));
  const id = async (name: string) => {
    for await (const [, { job }] of fleet.shelves.asked.entries()) if (job.name === name) return job.id;
    throw new Error(`nobody asked for ${name}`);
  };
  const text = async (name: string) =>
    (await fleet.transcript(await id(name)))?.chunks.map((chunk) => chunk.text).join(" ");
  const failures = () => Array.fromAsync(fleet.queue.failures());
  return {
    server,
    folder,
    fleet,
    crew,
    paths,
    id,
    text,
    failures,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Waits until something is so. */
async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await sleep(0.05);
}

Deno.test("priorities come first, workers take only their model, and a resubmit costs nothing", async () => {
  const names = ["low", "normal", "high"] as const;
  await using at = await scene({ low: "low", normal: "normal", high: "high", other: "other" });
  for (const [order, priority] of names.entries()) {
    await submitAll(at.fleet, [at.paths[order]!], { priority });
  }
  await submitAll(at.fleet, [at.paths[3]!], { model: "other-model" });
  const again = await submitAll(at.fleet, [at.paths[0]!]);
  assertEquals(again.get("low"), "queued");
  const sleeper = new Sleeper();
  await at.crew.hire(sleeper, { once: true });
  assertEquals(sleeper.heard, ["high", "normal", "low"]);
  const overview = await overviewOf(at.fleet);
  assertEquals(overview.recordings, { waiting: 1, done: 3, failed: 0, lost: 0 });
  assertEquals(overview.idleModels, ["other-model"]);
  assertEquals([...(await submitAll(at.fleet, at.paths.slice(0, 3))).values()], Array(3).fill("done before"));
  const other = new Sleeper({ model: "other-model" });
  await at.crew.hire(other, { once: true });
  assertEquals(other.heard, ["other"]);
});

Deno.test("a long recording is spread over all, put together in order, and resumed where it was", async () => {
  const lines = Array.from({ length: 40 }, (_, i) => `line-${i}`);
  await using at = await scene({ long: lines.join("\n"), short: "short" });
  await submitAll(at.fleet, at.paths, { partSeconds: 100 });
  const sleepers = Array.from({ length: 4 }, () => new Sleeper({ secondsPerChunk: 0.02 }));
  await Promise.all(sleepers.map((sleeper) => at.crew.hire(sleeper, { once: true })));
  assertEquals(await at.text("long"), lines.join(" "));
  assertEquals((await at.fleet.transcript(await at.id("long")))?.durationSeconds, 400);
  assertEquals(sleepers.flatMap(({ heard }) => heard).length, 41);
  assert(sleepers.filter(({ heard }) => heard.length > 0).length > 1, "one did it all");
});

Deno.test("who is told to stop gives its job back with what is finished, and who comes next goes on there", async () => {
  const lines = Array.from({ length: 10 }, (_, i) => `line-${i}`);
  await using at = await scene({ a: lines.join("\n") });
  await submitAll(at.fleet, at.paths);
  const first = new Sleeper({ secondsPerChunk: 0.1 });
  {
    await using crew = new Crew(at.server.url);
    crew.hire(first).catch(() => {});
    await until(() => first.heard.length >= 3);
  }
  const next = new Sleeper();
  await at.crew.hire(next, { once: true });
  assertEquals(await at.text("a"), lines.join(" "));
  assertEquals([...first.heard, ...next.heard], lines);
});

Deno.test("what fails is tried as often as asked, laid aside with its error, and queued again by retry", async () => {
  await using at = await scene({ poison: "fine\n!", good: "good", gone: "gone" });
  await submitAll(at.fleet, at.paths);
  await Deno.remove(at.paths[2]!);
  await at.crew.hire(new Sleeper(), { once: true });
  const failures = (await at.failures()).sort((a, b) => a.job.name < b.job.name ? -1 : 1);
  assertEquals(failures.map(({ job, tries }) => [job.name, tries]), [["gone", 2], ["poison", 2]]);
  assertMatch(failures[0]!.error, /^Cannot read \S+gone on worker-1: there is no such file; all machines/);
  assertEquals(failures[1]!.error, "The line is poison");
  assertEquals(await at.text("good"), "good");
  assertEquals((await submitAll(at.fleet, at.paths.slice(0, 2))).get("poison"), "failed before");
  await Deno.writeTextFile(at.paths[2]!, "gone");
  assertEquals(await at.fleet.retry(await at.id("gone")), 1);
  await at.crew.hire(new Sleeper(), { once: true });
  assertEquals([await at.text("gone"), (await at.failures()).length], ["gone", 1]);
});

Deno.test("a job that whoever takes it dies of is laid aside as well", async () => {
  await using at = await scene({ deadly: "deadly" });
  await submitAll(at.fleet, at.paths);
  await at.fleet.queue.serve("sleeper", 0.2);
  // Taken, and never heard of again.
  for (let death = 0; death < 2; death++) {
    await until(async () => await at.fleet.queue.take("sleeper") !== undefined);
  }
  const sleeper = new Sleeper();
  await at.crew.hire(sleeper, { once: true });
  const [failure] = await at.failures();
  assertMatch(failure!.error, /^It was begun 2 times and never ended/);
  assertEquals(sleeper.heard, []);
});

Deno.test("a file that is another than the one submitted is no work", async () => {
  await using at = await scene({ a: "first" });
  await submitAll(at.fleet, at.paths);
  await Deno.writeTextFile(at.paths[0]!, "other");
  await at.crew.hire(new Sleeper(), { once: true, tries: 1 });
  assertMatch((await at.failures())[0]!.error, /is not the file that was submitted: submit it again$/);
});

Deno.test("what is cancelled is not worked on, nor worked on any longer", async () => {
  const lines = Array.from({ length: 100 }, (_, i) => `line-${i}`);
  await using at = await scene({ a: lines.join("\n"), b: "b" });
  await submitAll(at.fleet, at.paths.slice(0, 1));
  const sleeper = new Sleeper({ secondsPerChunk: 0.1 });
  at.crew.hire(sleeper, { leaseSeconds: 1 }).catch(() => {});
  await until(() => sleeper.heard.length > 0);
  await at.fleet.cancel(await at.id("a"));
  await until(() => at.crew.lines.includes("a: not wanted any more"));
  assertEquals((await overviewOf(at.fleet)).recordings, { waiting: 0, done: 0, failed: 0, lost: 0 });
  assert(sleeper.heard.length < 50);
  assertEquals(await at.failures(), []);
});

Deno.test("a server that goes and comes back loses nothing, and work in hand waits for it", async () => {
  await using at = await scene(
    Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`r${i}`, `text ${i}`])),
  );
  await submitAll(at.fleet, at.paths);
  const sleeper = new Sleeper({ secondsPerChunk: 0.3 });
  const work = at.crew.hire(sleeper, { once: true });
  await until(() => sleeper.heard.length >= 1);
  await at.server.down();
  await sleep(0.5);
  await at.server.up();
  await work;
  for (let i = 0; i < 6; i++) assertEquals(await at.text(`r${i}`), `text ${i}`);
});

Deno.test("uploads go through a bounded store: full is one sentence, and done ones make room", async () => {
  const sound = (letter: string) => letter.repeat(150_000);
  await using at = await scene({ a: sound("a"), b: sound("b"), c: sound("c") });
  const upload = { upload: true, uploadBytes: 400_000 };
  for (const path of at.paths.slice(0, 2)) await submitAll(at.fleet, [path], upload);
  const full = (await submitAll(at.fleet, at.paths.slice(2), upload)).get("c");
  assert(full instanceof QueueError);
  assertMatch(
    full.message,
    /^Cannot upload c: the room for recordings that wait \(0\.4 MB\) is full; submit again/,
  );
  // Nobody but the queue has them now.
  for (const path of at.paths.slice(0, 2)) await Deno.remove(path);
  await at.crew.hire(new Sleeper(), { once: true });
  assertEquals(await at.failures(), []);
  for (const name of ["a", "b"]) assert(await at.text(name) === sound(name), name);
  assertEquals((await submitAll(at.fleet, at.paths.slice(2), upload)).get("c"), "queued");
  await at.crew.hire(new Sleeper(), { once: true });
  assert(await at.text("c") === sound("c"));
});

Deno.test("a server that is not there, a wrong token, no JetStream, a wrong address: one sentence each", async () => {
  const refused = async (address: Parameters<typeof Fleet.open>[0]) =>
    (await assertRejects(() => Fleet.open(address), QueueError)).message;
  const unused = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = unused.addr;
  unused.close();
  assertEquals(
    await refused({ url: `nats://127.0.0.1:${port}` }),
    `Cannot reach the queue at nats://127.0.0.1:${port} (connection refused): check --queue, or start it there: ` +
      "nats-server -js -sd FOLDER",
  );
  assertMatch(
    await refused({ url: "http://127.0.0.1" }),
    /^Cannot use --queue http:\S+: it must look like nats/,
  );
  assertMatch(
    await refused({ url: "nats://h", credentials: "no.creds" }),
    /^Cannot read the credentials no\.creds: there/,
  );
  await using guarded = await NatsServer.start({ args: ["--auth", "sesame"] });
  assertMatch(
    await refused({ url: guarded.url, token: "wrong" }),
    /^The queue at \S+ refuses us: check --queue-token/,
  );
  await (await Fleet.open({ url: guarded.url, token: "sesame" }))[Symbol.asyncDispose]();
  await (await Fleet.open({ url: guarded.url.replace("//", "//sesame@") }))[Symbol.asyncDispose]();
});

Deno.test("a server that refuses us while it is being written to ends no process", async () => {
  await using guarded = await NatsServer.start({ args: ["--auth", "sesame"] });
  // Without a lasting listener some of forty connections (1 to 17) tell an error to nobody.
  const refusals = Array.from(
    { length: 40 },
    () => assertRejects(() => Fleet.open({ url: guarded.url, token: "wrong" }), QueueError),
  );
  for (const { message } of await Promise.all(refusals)) {
    assertMatch(message, /refuses us: check --queue-token/);
  }
});

Deno.test("TLS with an authority of one's own works, and without it is one sentence", async () => {
  const pem = (name: string) => new URL(`fixtures/tls/${name}.pem`, import.meta.url).pathname;
  await using server = await NatsServer.start({
    args: ["--tls", "--tlscert", pem("cert"), "--tlskey", pem("key")],
  });
  const url = server.url.replace("nats://127.0.0.1", "tls://localhost");
  const { message } = await assertRejects(() => Fleet.open({ url }), QueueError);
  assertMatch(
    message,
    /^Cannot reach the queue at tls:\S+ \(.*certificate.*\): check tls:\/\/ and --queue-ca/,
  );
  await (await Fleet.open({ url, authority: pem("cert") }))[Symbol.asyncDispose]();
});
