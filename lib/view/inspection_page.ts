/**
 * A trace as one HTML file.
 *
 * @module
 */
import type { Trace } from "../recognize/inspection/trace.ts";
import { viewDocument } from "./document.ts";
import { muLawWAV } from "./mu_law.ts";
import { viewOfTrace } from "./of_trace.ts";

/**
 * One HTML file to read and hear a recording: text by confidence whose words play, wave and mel with chunks, speech and
 * doubts, the token of each place with its rivals and where the decoder looked. It holds the sound (1 MB a minute),
 * needs nothing else, and fetches nothing. Ask `inspect()` for words and attention to have them:
 * `{ timestamps: "word", attention: "watched" }`.
 *
 * @param title Stands above, and names the files that are saved.
 *
 * @example
 * ```ts
 * import { Qwen3ASR } from "@qwen3/asr";
 * import { assertStringIncludes } from "@std/assert";
 *
 * await using asr = await Qwen3ASR.load("demo");
 * const trace = await asr.inspect("demo/recordings/dev-01-en.wav", { timestamps: "word", attention: "watched" });
 * assertStringIncludes(await inspectionPage(trace, "windows"), "<title>windows</title>");
 * ```
 */
export async function inspectionPage(trace: Trace, title: string): Promise<string> {
  return await viewDocument(viewOfTrace(trace, title), muLawWAV(trace.samples.values, trace.sampleRate));
}
