/**
 * Transcription over HTTP, as OpenAI's clients speak it.
 *
 * @example
 * ```ts
 * import { serve } from "@qwen3/asr/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve({ model: "demo", port: 0 });
 * const form = new FormData();
 * form.append("file", new Blob([await Deno.readFile("demo/recordings/dev-04-en.wav")]), "speech.wav");
 * form.append("response_format", "text");
 * const answer = await fetch(`${server.url}/v1/audio/transcriptions`, { method: "POST", body: form });
 * assertEquals(await answer.text(), "Please find the brown phone.\n");
 * ```
 *
 * @module
 */
export { type ClientInfo, createHandler, type Handler } from "./handler.ts";
export type { Loader, Recognizer } from "./model_holder.ts";
export { type HandlerOptions, OPENAI_MODELS } from "./options.ts";
export { type RunningServer, serve, type ServeOptions } from "./serve.ts";
// What a Recognizer takes and gives, by the names of the main entry.
export type { LoadedAudio } from "../audio/load.ts";
export type { TimeRange } from "../audio/pcm.ts";
export type { VadOptions } from "../vad/intervals.ts";
export type { Samples } from "../audio/samples.ts";
export type { LoadOptions, ModelInfo } from "../open_model.ts";
export type * from "../recognize/live/live_stream.ts";
export type { LiveOptions } from "../recognize/live/options.ts";
export type { TranscriptEvent } from "../recognize/events.ts";
export type { SamplingOptions, TranscribeOptions } from "../recognize/options.ts";
export type { StageSpan } from "../recognize/timing.ts";
export type * from "../transcript.ts";
