/**
 * Looking inside: the ordinary long-recording run with a decoder that writes down what it does.
 *
 * @module
 */
import { FRAME, recordingLevels } from "../audio/frame_levels.ts";
import { SAMPLE_RATE, type Samples } from "../audio/samples.ts";
import { OptionError } from "../errors.ts";
import type { ClipAnswer, ClipRequest } from "./clip.ts";
import type { DecodeContext, Engine } from "./engine.ts";
import type { TranscriptEvent } from "./events.ts";
import { type ClipDecoder, LongForm, type RecognizeSettings } from "./long_form.ts";
import type { Mutex } from "./mutex.ts";
import type { TranscribeOptions } from "./options.ts";
import { makePlan, type Plan } from "./plan.ts";
import type { Timing } from "./timing.ts";
import { ClipTracer, type TraceWishes } from "./trace_clip.ts";
import type { ClipTrace, EnergyCurve, Trace } from "./trace_result.ts";

/** What to look at. Everything else is as in {@linkcode TranscribeOptions}. */
export interface InspectOptions extends
  Pick<
    TranscribeOptions,
    | "language"
    | "languages"
    | "context"
    | "hotwords"
    | "maxPromptTokens"
    | "sampling"
    | "chunkSeconds"
    | "chunking"
    | "rescue"
    | "signal"
    | "onProgress"
    | "clip"
  > {
  /** Decoder layers whose attention onto the audio is wanted; they cost a matrix product and a copy each step. @default {[]} */
  attention?: readonly number[] | undefined;
  /** Encoder layers whose output is wanted. @default {[]} */
  layers?: readonly number[] | undefined;
  /** Candidates kept for each token. @default {5} */
  topK?: number | undefined;
  /**
   * Index of the one chunk to look into. The others are transcribed all the same, so that `transcript` is whole.
   *
   * @default {every chunk: about 12 MB a minute of recording with the demo model, 21 MB with 1.7B}
   */
  chunk?: number | undefined;
}

const SILENCE_DB = -100;
const DEFAULT_TOP = 5;

function checkLayers(name: string, asked: readonly number[] | undefined, layers: number): number[] {
  const wrong = asked?.find((layer) => !Number.isInteger(layer) || layer < 0 || layer >= layers);
  if (wrong !== undefined) {
    throw new OptionError(
      `Cannot look into layer ${wrong} of the ${name}: it has layers 0 to ${layers - 1}.`,
    );
  }
  return [...new Set(asked)];
}

/** Checked wishes. */
export function wishesOf(options: InspectOptions, { model }: Engine): TraceWishes {
  const { topK = DEFAULT_TOP, chunk } = options;
  if (!Number.isInteger(topK) || topK < 1) {
    throw new OptionError(`Cannot use topK ${topK}: it must be a whole number of at least 1.`);
  }
  if (chunk !== undefined && (!Number.isInteger(chunk) || chunk < 0)) {
    throw new OptionError(`Cannot use chunk ${chunk}: it must be a whole number of at least 0.`);
  }
  return {
    attention: checkLayers("decoder", options.attention, model.config.decoder.layers),
    layers: checkLayers("encoder", options.layers, model.config.encoder.layers),
    topK,
  };
}

/** Decodes like the engine; clips of the asked chunks one by one, with a trace. */
class TracingDecoder implements ClipDecoder {
  readonly tokenizer: Engine["tokenizer"];
  readonly keepsClips = true;
  readonly passes = new Map<number, ClipTrace[]>();
  readonly #engine: Engine;
  readonly #tracer: ClipTracer;
  readonly #waiting: Plan[];
  readonly #isWanted: (chunk: number) => boolean;
  readonly #offsetSeconds: number;
  /** Every chunk has samples of its own, and the halves of a rescue are views of them. */
  readonly #owners = new Map<ArrayBufferLike, Plan>();

  constructor(
    engine: Engine,
    tracer: ClipTracer,
    plans: readonly Plan[],
    isWanted: (chunk: number) => boolean,
    offsetSeconds: number,
  ) {
    this.tokenizer = engine.tokenizer;
    this.#engine = engine;
    this.#tracer = tracer;
    this.#waiting = plans.filter(({ kind }) => kind === "audio");
    this.#isWanted = isWanted;
    this.#offsetSeconds = offsetSeconds;
  }

  /** The chunk a clip is of: chunks come in order, later clips are parts of chunks that came. */
  #owner({ buffer }: Float32Array): Plan {
    const plan = this.#owners.get(buffer) ?? this.#waiting.shift()!;
    this.#owners.set(buffer, plan);
    return plan;
  }

  async #decodeOne(request: ClipRequest, context: DecodeContext): Promise<ClipAnswer> {
    const { index, startSample } = this.#owner(request.samples);
    if (!this.#isWanted(index) || context.signal?.aborted) {
      return (await this.#engine.decode([request], context))[0]!;
    }
    const inChunk = request.samples.byteOffset / request.samples.BYTES_PER_ELEMENT;
    const startSeconds = this.#offsetSeconds + (startSample + inChunk) / SAMPLE_RATE;
    const { answer, trace } = await this.#tracer.decode(request, startSeconds, context);
    const passes = this.passes.get(index) ?? [];
    passes.push(trace);
    this.passes.set(index, passes);
    return answer;
  }

  async decode(requests: readonly ClipRequest[], context: DecodeContext): Promise<ClipAnswer[]> {
    const answers: ClipAnswer[] = [];
    for (const request of requests) answers.push(await this.#decodeOne(request, context));
    return answers;
  }
}

async function energyOf(samples: Samples, signal: AbortSignal | undefined): Promise<EnergyCurve> {
  const { mean } = await recordingLevels(samples, signal);
  return {
    db: mean.map((level) => Math.max(SILENCE_DB, 20 * Math.log10(level))),
    frameSeconds: FRAME / SAMPLE_RATE,
  };
}

/**
 * Transcribes a recording as {@linkcode LongForm} does and keeps what happened.
 *
 * @param wishes See {@linkcode wishesOf}.
 * @param chunk The one chunk to look into; all when left out.
 * @throws {OptionError} When there is no such chunk.
 */
export async function traceRecording(
  engine: Engine,
  queue: Mutex,
  samples: Samples,
  settings: RecognizeSettings,
  about: {
    wishes: TraceWishes;
    chunk: number | undefined;
    timing: Timing;
    emit: (event: TranscriptEvent) => void;
  },
): Promise<Trace> {
  const { offsetSeconds, signal } = settings;
  const plans = await makePlan(samples, settings);
  const { wishes, chunk, timing, emit } = about;
  if (chunk !== undefined && chunk >= plans.length) {
    throw new OptionError(
      `Cannot look into chunk ${chunk}: the recording has chunks 0 to ${plans.length - 1}.`,
    );
  }
  using tracer = await ClipTracer.create(engine, wishes);
  const isWanted = (index: number) => chunk === undefined || index === chunk;
  const decoder = new TracingDecoder(engine, tracer, plans, isWanted, offsetSeconds);
  const transcript = await new LongForm(decoder, queue, samples, settings, timing, emit).run();
  const secondsAt = (sample: number) => offsetSeconds + sample / SAMPLE_RATE;
  return {
    transcript,
    text: transcript.text,
    samples: { values: samples.slice(), shape: [samples.length] },
    sampleRate: SAMPLE_RATE,
    energy: await energyOf(samples, signal),
    plan: plans.map(({ index, startSample, endSample, kind }) => ({
      index,
      startSeconds: secondsAt(startSample),
      endSeconds: secondsAt(endSample),
      kind,
    })),
    cutsSeconds: plans.slice(1).map(({ startSample }) => secondsAt(startSample)),
    chunks: transcript.chunks.filter(({ index }) => isWanted(index)).map((result) => ({
      index: result.index,
      result,
      passes: decoder.passes.get(result.index) ?? [],
    })),
    watchedLayers: [...engine.watchedLayers],
  };
}
