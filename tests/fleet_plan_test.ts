import { assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { SAMPLE_RATE } from "../lib/audio/samples.ts";
import { SpeechMap } from "../lib/audio/speech_map.ts";
import { OptionError } from "../lib/errors.ts";
import { shownAddress } from "../lib/fleet/connection.ts";
import { Saver } from "../lib/fleet/hold.ts";
import { type Job, jobId, jobSubject, modelKey, parseSubject } from "../lib/fleet/job.ts";
import { PartJournal } from "../lib/fleet/journal.ts";
import { partsOf, planParts, receivedSpeech } from "../lib/fleet/plan.ts";
import type { Chunk } from "../lib/recognize/long_form/plan.ts";
import { ROOT } from "./support/cli_process.ts";
import { undecoded } from "../lib/recognize/long_form/judge.ts";

function chunksOf(seconds: readonly number[]): Chunk[] {
  let end = 0;
  return seconds.map((length, index) => {
    const startSample = end * SAMPLE_RATE;
    end += length;
    return { index, startSample, endSample: end * SAMPLE_RATE, kind: "audio" };
  });
}

Deno.test("a model has one name in the queue, however it is written", () => {
  assertEquals(modelKey("0.6b"), modelKey("mlx-community/Qwen3-ASR-0.6B-8bit"));
  assertEquals(modelKey("Qwen3-ASR-0.6b"), modelKey("0.6B"));
  assertEquals(modelKey("demo"), "demo");
  assertEquals(modelKey("/Volumes/models/My Qwen3.5/"), "my-qwen3-5");
  assertNotEquals(modelKey("0.6b"), modelKey("1.7b"));
  assertThrows(() => modelKey("0.7b"), OptionError, 'Unknown model "0.7b"');
});

Deno.test("a recording's id is that of its bytes, the model and what was asked for", () => {
  const job = { content: "abc", model: "demo", options: { language: "German", vad: { threshold: 0.5 } } };
  assertEquals(jobId(job), jobId({ ...job, options: { vad: { threshold: 0.5 }, language: "German" } }));
  assertEquals(jobId(job), jobId({ ...job, options: { ...job.options, context: undefined, batchSize: 4 } }));
  const others = [{ content: "abd" }, { model: "0-6b" }, { options: { language: "English" } }];
  for (const other of others) assertNotEquals(jobId({ ...job, ...other }), jobId(job));
});

Deno.test("a subject says which job it is", () => {
  const job: Pick<Job, "id" | "part" | "model" | "priority"> = { id: "ab", model: "demo", priority: "high" };
  assertEquals(parseSubject(jobSubject(job)), { model: "demo", priority: "high", id: "ab", part: "whole" });
  assertEquals(parseSubject(jobSubject({ ...job, part: 7 })).part, "7");
  assertEquals(parseSubject("asr.failed.demo.ab.3"), {
    model: "demo",
    priority: undefined,
    id: "ab",
    part: "3",
  });
});

Deno.test("ten hours become parts of ten minutes in order, with every chunk in one of them", () => {
  const chunks = chunksOf(Array.from({ length: 1300 }, (_, i) => 20 + i % 17));
  const parts = partsOf(chunks, 600);
  assertEquals(parts.flat(), chunks);
  const lengths = parts.map((part) => (part.at(-1)!.endSample - part[0]!.startSample) / SAMPLE_RATE);
  assertEquals(parts.length, Math.ceil(chunks.at(-1)!.endSample / SAMPLE_RATE / 600));
  assertEquals(lengths.every((length) => Math.abs(length - 600) < 40), true, lengths.join());
});

Deno.test("a recording of at most a part's length stays in one piece, an hour of silence in another", () => {
  assertEquals(partsOf(chunksOf([30, 30, 540]), 600).length, 1);
  assertEquals(partsOf(chunksOf([30, 3600, 30]), 600).map((part) => part.length), [1, 1, 1]);
});

Deno.test("a chunk's speech is the same in a part as in the whole recording", () => {
  const frames = 3000, frameSamples = 512;
  const map = new SpeechMap({
    samples: frames * frameSamples,
    frameSamples,
    probabilities: Float32Array.from({ length: frames }, (_, i) => Math.sin(i) / 2 + 0.5),
    ranges: Array.from(
      { length: 90 },
      (_, i) => ({ startSample: i * 17000 + 40, endSample: i * 17000 + 9123 }),
    ),
  });
  const chunks = chunksOf([7.3, 11, 9.125, 20, 18, 30]);
  const parts = planParts(chunks, map, 40);
  assertEquals(parts.length, 3);
  for (const { chunks, speech } of parts) {
    // As it goes through the queue.
    const received = receivedSpeech(JSON.parse(JSON.stringify(speech)))!;
    for (const chunk of chunks) {
      const [own, whole] = [received.within(chunk), map.within(chunk)];
      assertEquals([own.ranges, own.offsetSamples], [whole.ranges, whole.offsetSamples]);
      assertEquals([...own.probabilities], [...whole.probabilities]);
    }
  }
});

Deno.test("the journal of a part has its first chunks, without gaps and failures", () => {
  const chunk = (index: number) => ({
    ...undecoded({ index, startSeconds: index, endSeconds: index + 1 }, "silence"),
  });
  const journal = new PartJournal(4, undefined);
  assertEquals(journal.finish(chunk(5), []), false);
  assertEquals(journal.begun([]).chunks, []);
  assertEquals(journal.finish(chunk(4), []), true);
  assertEquals(journal.finish({ ...chunk(6), finishReason: "error" }, []), false);
  assertEquals(journal.finish({ ...chunk(7), finishReason: "cancelled" }, []), false);
  const before = journal.begun([]);
  assertEquals(before.chunks.map(({ index }) => index), [4, 5]);
  const next = new PartJournal(4, before);
  assertEquals(next.finish(chunk(6), []), true);
  assertEquals(next.begun([]).chunks.map(({ index }) => index), [4, 5, 6]);
});

Deno.test("what comes faster than it is saved is left out, but never the last", async () => {
  const saved: number[] = [];
  const gate = Promise.withResolvers<void>();
  const saver = new Saver<number>(async (value) => {
    await gate.promise;
    saved.push(value);
  });
  for (const value of [1, 2, 3]) saver.push(value);
  gate.resolve();
  await saver.settled();
  assertEquals(saved, [1, 3]);
});

Deno.test("messages show a queue's address without its secrets", () => {
  assertEquals(shownAddress("nats://me:secret@host:4222,tls://token@b"), "nats://host:4222,tls://b");
});

async function* sources(folder: string): AsyncGenerator<[path: string, text: string]> {
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sources(path);
    else if (name.endsWith(".ts")) yield [path, await Deno.readTextFile(join(ROOT, path))];
  }
}

Deno.test("nobody but fleet itself loads lib/fleet, and loading it does not load the clients", async () => {
  const all = await Array.fromAsync(sources("lib"));
  const users = all.filter(([path, text]) =>
    /"[./]+\/fleet\//.test(text) && !path.startsWith("lib/cli/fleet/")
  );
  assertEquals(users.map(([path]) => path), ["lib/cli/main.ts"]);
  assertMatch(users[0]![1], /async \(\) => \(await import\("\.\/fleet\/command\.ts"\)\)\.fleet/);
  const clients = all.flatMap(([path, text]) =>
    [...text.matchAll(/^import (.*)from "@nats-io\/.*$|import\("npm:@nats/gm)].map(([line]) =>
      `${path}: ${line}`
    )
  );
  assertEquals(clients.length > 0, true);
  assertEquals(clients.filter((line) => !/: import type \{/.test(line)), []);
  const versions = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))).imports;
  const connection = all.find(([path]) => path === "lib/fleet/connection.ts")![1];
  for (const name of ["transport-node", "jetstream", "kv", "obj"]) {
    assertEquals(connection.includes(`"${versions[`@nats-io/${name}`]}"`), true, name);
  }
});
