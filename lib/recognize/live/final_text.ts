/**
 * The final text of an utterance: decoded as a recording of one chunk is, so judged, and again where it is doubted, with
 * segments and words.
 *
 * @module
 */
import { SAMPLE_RATE, Samples } from "../../audio/samples.ts";
import type { SpeechMap } from "../../audio/speech_map.ts";
import type { Transcript } from "../../transcript.ts";
import type { ClipDecoder } from "../engine.ts";
import type { GrowingClip } from "../growing_clip.ts";
import { recognizeRecording } from "../long_form/long_form.ts";
import type { RecognizeSettings } from "../settings.ts";
import { Timing } from "../timing.ts";
import type { WordTimer } from "../word_times/word_timer.ts";
import type { LiveFinal } from "./live_stream.ts";

/** What makes a final text doubtful or incomplete. */
const DOUBTS: readonly string[] = ["chunk-failed", "chunk-doubtful"];

/** What a final event says of its utterance's text. */
export type FinalText = Omit<LiveFinal, "type" | "utterance" | "startSeconds" | "endSeconds" | "lagSeconds">;

/** An utterance that has ended. */
export interface EndedUtterance {
  decoder: ClipDecoder;
  samples: Float32Array;
  speech: SpeechMap;
  startSample: number;
  /** What is kept of it, and a guess at its tokens: for the first decode. */
  clip: GrowingClip;
  draft: readonly number[];
  words: WordTimer | undefined;
  settings: RecognizeSettings;
}

/** Its transcript, with times of the stream. */
export function transcribeUtterance(ended: EndedUtterance): Promise<Transcript> {
  const { decoder, samples, speech, startSample, clip, draft, words, settings } = ended;
  let isFirst = true;
  return recognizeRecording({
    engine: {
      tokenizer: decoder.tokenizer,
      decode: (requests, context) => {
        const kept = isFirst ? { growing: clip, draft } : {};
        isFirst = false;
        return decoder.decode(requests.map((request) => ({ ...request, ...kept })), context);
      },
    },
    samples: Samples.of(samples),
    chunks: [{ index: 0, startSample: 0, endSample: samples.length, kind: "audio" }],
    speech,
    settings: { ...settings, offsetSeconds: startSample / SAMPLE_RATE },
    timing: new Timing(),
    words,
    emit: () => {},
  });
}

/** What its final event says. */
export function finalText(
  { text, language, segments, chunks, warnings }: Transcript,
  { logprobs, timestamps }: RecognizeSettings,
): FinalText {
  const doubts = warnings.filter(({ code }) => DOUBTS.includes(code)).map(({ message }) => message);
  return {
    text,
    language,
    segments,
    ...(timestamps === "word" ? { words: segments.flatMap(({ words = [] }) => words) } : {}),
    ...(logprobs ? { logprobs: chunks.flatMap(({ logprobs = [] }) => logprobs) } : {}),
    ...(doubts.length > 0 ? { warning: doubts.join(" ") } : {}),
  };
}
