/**
 * Everything that is known of a recording, for those who ask for `include[]=qwen3_asr.transcript`: the page at `/` does.
 *
 * @module
 */
import { recordingLevels } from "../audio/frame_levels.ts";
import type { Samples } from "../audio/samples.ts";
import { formatTranscript } from "../output/mod.ts";
import type { Transcript } from "../transcript.ts";
import { peaksOf } from "../view/view_data.ts";

/** Beside OpenAI's fields, under a name of our own. */
export interface WholeAnswer {
  qwen3_asr: {
    /** With words where they were asked for. */
    transcript: Transcript;
    /** The wave: largest sample of equal parts of the recording, loudest 255, one byte each, in base64. */
    peaks: string;
    /** The text in other forms, by the ending of a file's name. */
    files: Record<"srt" | "vtt" | "txt" | "json", string>;
  };
}

/** A transcript with its wave, and written in the forms that people save. */
export async function wholeAnswer(
  transcript: Transcript,
  samples: Samples,
  signal: AbortSignal,
): Promise<WholeAnswer> {
  const { peak } = await recordingLevels(samples, signal);
  return {
    qwen3_asr: {
      transcript,
      peaks: peaksOf(peak, peak.length),
      files: {
        srt: formatTranscript(transcript, "srt"),
        vtt: formatTranscript(transcript, "vtt"),
        txt: formatTranscript(transcript, "txt"),
        json: formatTranscript(transcript, "json"),
      },
    },
  };
}
