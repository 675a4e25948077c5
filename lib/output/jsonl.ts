/**
 * JSON Lines: one line a segment, then one summary line.
 *
 * Segment lines are `{"type":"segment","index":0,` followed by the fields of a segment as in json. The last line is
 * `{"type":"summary","segmentCount":n,` followed by the fields of the transcript without `segments` and `chunks`.
 *
 * @module
 */
import type { Transcript } from "../transcript.ts";
import { orderedSegment, orderedTranscript } from "./json.ts";
import type { FormatOptions } from "./options.ts";

/** One segment a line, then the summary; every line begins with `input` where it is given. */
export function formatJSONLines(transcript: Transcript, { input }: FormatOptions = {}): string {
  const lines: object[] = transcript.segments.map((segment, index) => {
    return { input, type: "segment", index, ...orderedSegment(segment) };
  });
  const { segments, chunks: _chunks, ...rest } = orderedTranscript(transcript);
  lines.push({ input, type: "summary", segmentCount: segments.length, ...rest });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}
