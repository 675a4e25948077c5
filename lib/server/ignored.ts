/**
 * Parameters of other transcription servers that change nothing about a text: they are ignored, and named in the
 * answer's header {@linkcode IGNORED_HEADER}. What would change the text is not among them.
 *
 * @module
 */
import { HttpError } from "./http_error.ts";

/** Lists the parameters that were ignored. */
export const IGNORED_HEADER = "x-ignored-parameters";

/** Who asks, and how the work is done: any value. */
const WITHOUT_EFFECT: readonly string[] = [
  // OpenAI's, of other endpoints: whose request it is, and how it is filed and paid.
  "metadata",
  "safety_identifier",
  "service_tier",
  "store",
  "user",
  // vLLM's.
  "priority",
  "request_id",
  // Of faster-whisper and whisper.cpp: speech is looked for in any case (`vad` is ours), and texts do not depend on batches.
  "batch_size",
  "encode",
  "processors",
  "threads",
  "vad_filter",
  "vad_parameters",
];

/** What asks for nothing as long as it has one of these values; others would change the answer. */
const HARMLESS_VALUES: Readonly<Record<string, { values: readonly unknown[]; otherwise: string }>> = {
  task: {
    values: ["transcribe"],
    otherwise: "this model writes down what is said in its own language; leave it out or say transcribe",
  },
  translate: {
    values: [false, "false", "False", "0"],
    otherwise: "this model writes down what is said in its own language",
  },
  diarize: { values: [false, "false", "False", "0"], otherwise: "speakers are not told apart here" },
  word_timestamps: {
    values: [false, "false", "False", "0"],
    otherwise: "word times are asked for with timestamp_granularities[]=word",
  },
};

/**
 * The plain name of a parameter that is ignored with this value; undefined when it is not one of those.
 *
 * @param name As it came: `vad_parameters[threshold]` belongs to `vad_parameters`.
 * @throws {HttpError} 400 when it asks for what is not offered.
 */
export function ignoredName(name: string, value: unknown): string | undefined {
  const plain = name.replace(/\[.*$/s, "");
  if (WITHOUT_EFFECT.includes(plain)) return plain;
  const rule = Object.hasOwn(HARMLESS_VALUES, name) ? HARMLESS_VALUES[name] : undefined;
  if (!rule) return undefined;
  if (value === "" || rule.values.includes(value)) return name;
  throw new HttpError(400, `${name} cannot be honoured: ${rule.otherwise}.`, {
    param: name,
    code: "not_supported",
  });
}
