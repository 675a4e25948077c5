/**
 * Stands in for a model: a recording is a file of text, each line of it a chunk of ten seconds, and decoding is sleeping.
 *
 * @module
 */
import { sleep } from "../../lib/abortable.ts";
import { SAMPLE_RATE } from "../../lib/audio/samples.ts";
import { Fleet } from "../../lib/fleet/fleet.ts";
import { PartJournal } from "../../lib/fleet/journal.ts";
import { type PartPlan, planParts, type RecordingPlan } from "../../lib/fleet/plan.ts";
import type { DecodedPart, PartWatch, Recognizer, Sound } from "../../lib/fleet/recognizer.ts";
import { type Outcome, type SubmitOptions, Submitter } from "../../lib/fleet/submit.ts";
import { Worker, type WorkerOptions } from "../../lib/fleet/worker.ts";
import type { ChunkPlan } from "../../lib/audio/pauses.ts";
import { assemble } from "../../lib/recognize/long_form/assemble.ts";
import { undecoded } from "../../lib/recognize/long_form/judge.ts";
import type { ChunkResult } from "../../lib/transcript.ts";
import { Timing } from "../../lib/recognize/timing.ts";

const CHUNK_SECONDS = 10;

/** A model that sleeps; a line `!` is one that nobody can decode. */
export class Sleeper implements Recognizer {
  readonly model: string;
  readonly device = "cpu";
  readonly #secondsPerChunk: number;
  /** Texts of the chunks that were decoded here, in order. */
  readonly heard: string[] = [];

  constructor({ model = "sleeper", secondsPerChunk = 0 } = {}) {
    this.model = model;
    this.#secondsPerChunk = secondsPerChunk;
  }

  async #lines({ open }: Sound): Promise<string[]> {
    await using file = await open();
    return (await Deno.readTextFile(file.source)).trim().split("\n");
  }

  async plan(sound: Sound): Promise<RecordingPlan> {
    const lines = await this.#lines(sound);
    const chunks = lines.map((_, index) => ({
      index,
      startSample: index * CHUNK_SECONDS * SAMPLE_RATE,
      endSample: (index + 1) * CHUNK_SECONDS * SAMPLE_RATE,
      kind: "audio" as ChunkPlan["kind"],
    }));
    return {
      durationSeconds: lines.length * CHUNK_SECONDS,
      warnings: [],
      parts: planParts(chunks, undefined, sound.job.partSeconds),
    };
  }

  async decode(sound: Sound, { chunks }: PartPlan, watch: PartWatch): Promise<DecodedPart> {
    const { signal, before, onBegun } = watch;
    const lines = await this.#lines(sound);
    const journal = new PartJournal(chunks[0]!.index, before);
    const found: ChunkResult[] = [...before?.chunks ?? []];
    for (const { index, startSample, endSample } of chunks.slice(found.length)) {
      await sleep(this.#secondsPerChunk, signal);
      const text = lines[index]!;
      if (text === "!") throw new Error("The line is poison.");
      const place = { index, startSeconds: startSample / SAMPLE_RATE, endSeconds: endSample / SAMPLE_RATE };
      const chunk: ChunkResult = { ...undecoded(place, "silence"), text, finishReason: "stop" };
      this.heard.push(text);
      found.push(chunk);
      const isMore = journal.finish(chunk, []);
      if (isMore && journal.length < chunks.length) onBegun(journal.begun([]));
    }
    return {
      ...assemble(found, []),
      warnings: [],
      stats: new Timing().stats(found.length * CHUNK_SECONDS, 0),
    };
  }
}

/** Workers of a test, in this process, each with a connection of its own. */
export class Crew implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #stop = new AbortController();
  readonly #url: string;
  readonly #running: Promise<void>[] = [];
  #count = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** Adds a worker; what it resolves to is its end. */
  hire(recognizer: Recognizer, options: Partial<WorkerOptions> = {}): Promise<void> {
    const name = `worker-${++this.#count}`;
    const work = (async () => {
      const { signal } = this.#stop;
      await using fleet = await Fleet.open({ url: this.#url }, { signal, forRoom: true });
      const log = (line: string) => this.lines.push(line);
      const common = { name, version: "test", recognizer, tries: 2, leaseSeconds: 2, signal, log };
      await new Worker(fleet, { ...common, ...options }).run();
    })();
    this.#running.push(work.catch(() => {}));
    return work;
  }

  /** Tells all to stop, and waits for their end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new DOMException("The test is over.", "AbortError"));
    await Promise.all(this.#running);
  }
}

/** Submits files by their paths; what became of each. */
export async function submitAll(
  fleet: Fleet,
  paths: readonly string[],
  options: Partial<SubmitOptions> = {},
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const submitter = new Submitter(fleet, {
    model: "sleeper",
    options: {},
    priority: "normal",
    partSeconds: 600,
    upload: false,
    signal: new AbortController().signal,
    onEach: (name, outcome) => outcomes.set(name, outcome),
    ...options,
  });
  await submitter.all(paths.map((path) => ({
    source: path,
    name: path.split("/").at(-1)!,
    stem: path.split("/").at(-1)!,
    extension: "",
    parent: "",
    below: "",
  })));
  return outcomes;
}
