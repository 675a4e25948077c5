/**
 * The proof: a model's files, its stages, what it hears of known recordings, how fast, in how much memory.
 *
 * Every question becomes a {@linkcode Check}; one that fails stops none of the others.
 *
 * @module
 */
import { OptionError } from "../errors.ts";
import type { ModelInfo } from "../open_model.ts";
import type { Qwen3ASR } from "../qwen3_asr.ts";
import type { Trace } from "../recognize/inspection/trace.ts";
import type { Check } from "./check.ts";
import { fetchRecording, type FetchRecordingOptions } from "./fetch_recording.ts";
import { heard, type Hearing, hearingChecks, percent, totalErrors } from "./hearing.ts";
import { type Machine, peakProcessBytes, thisMachine } from "./machine.ts";
import { type ModelFacts, modelFacts } from "./model_facts.ts";
import { MAX_ERROR_RATE, type ProofRecording } from "./recordings.ts";
import { someLayers, stageChecks } from "./stages.ts";

/** What is to be proved of what. */
export interface ProofPlan
  extends Pick<FetchRecordingOptions, "offline" | "folder" | "retries" | "delaySeconds"> {
  /** Of this program. */
  version: string;
  /** Loads the model; what it throws becomes part of the proof. */
  load(): Promise<Qwen3ASR>;
  recordings: readonly ProofRecording[];
  signal?: AbortSignal;
  /** Told what is done now. */
  onStep?: (what: string) => void;
}

/** Everything that a report is made of. */
export interface Proof {
  version: string;
  date: Date;
  machine: Machine;
  /** Absent when the model could not be loaded. */
  info?: ModelInfo;
  commit?: string | undefined;
  /** In the order in which they were made. */
  checks: Check[];
  hearings: Hearing[];
  /** Most memory of this process, the weights included. */
  peakProcessBytes: number;
}

/** Whether every check passed. */
export function passes({ checks }: Pick<Proof, "checks">): boolean {
  return checks.every(({ passed }) => passed);
}

class Prover {
  readonly #plan: ProofPlan;
  readonly checks: Check[] = [];
  readonly hearings: Hearing[] = [];

  constructor(plan: ProofPlan) {
    this.#plan = plan;
  }

  /** Tries something; what goes wrong is a failed check, unless everything is to stop. */
  async try<T>(name: string, expected: string, task: () => Promise<T>): Promise<T | undefined> {
    try {
      return await task();
    } catch (error) {
      this.#plan.signal?.throwIfAborted();
      if (error instanceof OptionError) throw error;
      this.checks.push({ name, passed: false, found: reasonOf(error), expected });
      return undefined;
    }
  }

  async #fetch(recording: ProofRecording): Promise<Hearing> {
    const { offline, folder, retries, delaySeconds, signal } = this.#plan;
    try {
      const fetched = await fetchRecording(recording, {
        ...(offline === undefined ? {} : { offline }),
        ...(folder === undefined ? {} : { folder }),
        ...{ retries, delaySeconds, signal },
      });
      return { recording, fetched };
    } catch (error) {
      signal?.throwIfAborted();
      return { recording, problem: reasonOf(error) };
    }
  }

  async fetchAll(): Promise<Hearing[]> {
    const all: Hearing[] = [];
    for (const recording of this.#plan.recordings) {
      this.#plan.onStep?.(`fetching ${recording.name}`);
      all.push(await this.#fetch(recording));
    }
    return all;
  }

  /** Looks into one recording; it also warms up what is measured after it. */
  async inspect(asr: Qwen3ASR, facts: ModelFacts, path: string): Promise<Trace | undefined> {
    const { signal, onStep } = this.#plan;
    const { encoder, decoder } = facts.config;
    onStep?.("looking into the stages");
    const trace = await this.try("stages", "to be looked into", () =>
      asr.inspect(path, {
        layers: someLayers(encoder.layers),
        attention: someLayers(decoder.layers),
        rescue: false,
        signal,
      }));
    if (trace) this.checks.push(...stageChecks(trace, { config: facts.config, dtype: asr.info.dtype }));
    return trace;
  }

  async hear(asr: Qwen3ASR, hearing: Hearing): Promise<Hearing> {
    const { recording, fetched } = hearing;
    if (fetched === undefined) return hearing;
    this.#plan.onStep?.(`hearing ${recording.name}`);
    const { signal } = this.#plan;
    try {
      const transcript = await asr.transcribe(fetched.path, { timestamps: "word", signal });
      return heard(recording, fetched, transcript);
    } catch (error) {
      signal?.throwIfAborted();
      return { recording, fetched, problem: reasonOf(error) };
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.trim().replace(/\.$/, "") : String(error);
}

function totalCheck(hearings: readonly Hearing[]): Check {
  const { errors, words, rate } = totalErrors(hearings);
  return {
    name: "word errors of all recordings",
    passed: words > 0 && rate <= MAX_ERROR_RATE,
    found: `${errors} of ${words}, ${percent(rate)}`,
    expected: `at most ${percent(MAX_ERROR_RATE)}`,
  };
}

/** The same recording, once looked into and once not; one that was decoded again may say something else. */
function sameText(trace: Trace, { recording, transcript }: Hearing): Check[] {
  if (transcript === undefined || transcript.chunks.some(({ rescues }) => rescues.length > 0)) return [];
  return [{
    name: `${recording.name}: text of inspect()`,
    passed: trace.text === transcript.text,
    found: trace.text === transcript.text ? "the same as transcribe()'s" : `"${trace.text}"`,
    expected: "the same as transcribe()'s",
  }];
}

/**
 * Proves what can be proved of a model here.
 *
 * @throws {OptionError} When a setting can't be used.
 * @throws The signal's reason when it is aborted.
 */
export async function prove(plan: ProofPlan): Promise<Proof> {
  const prover = new Prover(plan);
  const { checks } = prover;
  const fetched = await prover.fetchAll();
  const machine = await thisMachine();
  const asr = await prover.try("model", "to be loaded", () => plan.load());
  const done = async (hearings: Hearing[], rest: Partial<Proof> = {}): Promise<Proof> => ({
    version: plan.version,
    date: new Date(),
    machine,
    checks,
    hearings,
    peakProcessBytes: await peakProcessBytes(),
    ...rest,
  });
  if (asr === undefined) {
    checks.push(...fetched.filter(({ problem }) => problem !== undefined).flatMap(hearingChecks));
    return await done(fetched);
  }
  await using model = asr;
  plan.onStep?.("reading the model's files");
  const facts = await prover.try(
    "model files",
    "to be read",
    () => modelFacts(model.info.directory, plan.signal ? { signal: plan.signal } : {}),
  );
  checks.push(...facts?.checks ?? []);
  const first = fetched.find((hearing) => hearing.fetched !== undefined);
  const trace = facts && first && await prover.inspect(model, facts, first.fetched!.path);
  const hearings: Hearing[] = [];
  for (const hearing of fetched) hearings.push(await prover.hear(model, hearing));
  for (const hearing of hearings) checks.push(...hearingChecks(hearing));
  const again = hearings.find(({ recording }) => recording === first?.recording);
  if (trace && again) checks.push(...sameText(trace, again));
  checks.push(totalCheck(hearings));
  return await done(hearings, { info: model.info, commit: facts?.commit });
}
