/**
 * Looking inside: the ordinary run over a recording, with somebody looking on at its clips.
 *
 * @module
 */
import { FRAME, recordingLevels } from "../../audio/frame_levels.ts";
import { SAMPLE_RATE, type Samples } from "../../audio/samples.ts";
import { numbers, type Rules, wholeFrom } from "../../check_options.ts";
import { OptionError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { type LongFormCall, recognizeRecording } from "../long_form/long_form.ts";
import { TRANSCRIBE_RULES, type TranscribeOptions } from "../options.ts";
import { ClipRecorder, type Detail } from "./recorder.ts";
import { activityOf, type ClipTrace, type EnergyCurve, type Trace } from "./trace.ts";

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
    | "rescueBudget"
    | "vad"
    | "timestamps"
    | "aligner"
    | "signal"
    | "onProgress"
    | "range"
    | "track"
    | "raw"
  > {
  /**
   * Decoder layers whose attention onto the audio is wanted; they cost a matrix product and a copy each step. `watched`:
   * those that coverage looks at anyway.
   *
   * @default {[]}
   */
  attention?: readonly number[] | "watched" | undefined;
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

/** What the options of a look inside must be. */
export const INSPECT_RULES: Rules<InspectOptions> = {
  language: TRANSCRIBE_RULES.language,
  languages: TRANSCRIBE_RULES.languages,
  context: TRANSCRIBE_RULES.context,
  hotwords: TRANSCRIBE_RULES.hotwords,
  maxPromptTokens: TRANSCRIBE_RULES.maxPromptTokens,
  sampling: TRANSCRIBE_RULES.sampling,
  chunkSeconds: TRANSCRIBE_RULES.chunkSeconds,
  chunking: TRANSCRIBE_RULES.chunking,
  rescue: TRANSCRIBE_RULES.rescue,
  signal: TRANSCRIBE_RULES.signal,
  onProgress: TRANSCRIBE_RULES.onProgress,
  range: TRANSCRIBE_RULES.range,
  track: TRANSCRIBE_RULES.track,
  raw: TRANSCRIBE_RULES.raw,
  vad: TRANSCRIBE_RULES.vad,
  timestamps: TRANSCRIBE_RULES.timestamps,
  aligner: TRANSCRIBE_RULES.aligner,
  rescueBudget: TRANSCRIBE_RULES.rescueBudget,
  attention: {
    must: 'a list of layers or "watched"',
    fits: (value) => value === "watched" || numbers.fits(value),
  },
  layers: numbers,
  topK: wholeFrom(1),
  chunk: wholeFrom(0),
};

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

/** What the options ask for, checked. */
export function detailOf(options: InspectOptions, { model, watchedLayers }: Engine): Detail {
  const { topK = DEFAULT_TOP } = options;
  const attention = options.attention === "watched" ? [...watchedLayers] : options.attention;
  return {
    attention: checkLayers("decoder", attention, model.config.decoder.layers),
    layers: checkLayers("encoder", options.layers, model.config.encoder.layers),
    topK,
  };
}

async function energyOf(samples: Samples, signal: AbortSignal | undefined): Promise<EnergyCurve> {
  const { mean } = await recordingLevels(samples, signal);
  return {
    db: mean.map((level) => Math.max(SILENCE_DB, 20 * Math.log10(level))),
    frameSeconds: FRAME / SAMPLE_RATE,
  };
}

/**
 * Transcribes a recording and keeps what happened.
 *
 * @param detail See {@linkcode detailOf}.
 * @param only The one chunk to look into; all when left out.
 * @throws {OptionError} When there is no such chunk.
 * @throws The signal's reason, when aborted.
 */
export async function traceRecording(
  engine: Engine,
  call: Omit<LongFormCall, "engine" | "observe">,
  detail: Detail,
  only: number | undefined,
): Promise<Trace> {
  const { samples, chunks: plan, speech, settings: { offsetSeconds, signal } } = call;
  signal?.throwIfAborted();
  if (only !== undefined && only >= plan.length) {
    throw new OptionError(
      `Cannot look into chunk ${only}: the recording has chunks 0 to ${plan.length - 1}.`,
    );
  }
  const secondsAt = (sample: number) => offsetSeconds + sample / SAMPLE_RATE;
  const passes = new Map<number, ClipTrace[]>();
  if (only === undefined) { for (const { index } of plan) passes.set(index, []); }
  else passes.set(only, []);
  const transcript = await recognizeRecording({
    ...call,
    engine,
    observe: (clip, request) => {
      const filed = passes.get(clip.origin.chunk);
      return filed && new ClipRecorder(clip, request, {
        tokenizer: engine.tokenizer,
        heads: engine.model.config.decoder.heads,
        detail,
        startSeconds: secondsAt(clip.origin.startSample),
        file: (trace) => filed.push(trace),
      });
    },
  });
  if (transcript.partial) signal?.throwIfAborted();
  return {
    transcript,
    text: transcript.text,
    samples: { values: samples.slice(), shape: [samples.length] },
    sampleRate: SAMPLE_RATE,
    energy: await energyOf(samples, signal),
    ...(speech ? { speech: activityOf(speech, offsetSeconds) } : {}),
    plan: plan.map(({ index, startSample, endSample, kind }) => ({
      index,
      startSeconds: secondsAt(startSample),
      endSeconds: secondsAt(endSample),
      kind,
    })),
    cutsSeconds: plan.slice(1).map(({ startSample }) => secondsAt(startSample)),
    chunks: transcript.chunks.filter(({ index }) => passes.has(index)).map((result) => ({
      index: result.index,
      result,
      passes: passes.get(result.index)!,
    })),
    watchedLayers: [...engine.watchedLayers],
  };
}
