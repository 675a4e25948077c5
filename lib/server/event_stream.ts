/**
 * A transcription as server-sent events: `transcript.text.delta` as text appears, `transcript.text.done` with the whole.
 *
 * @module
 */
import type { TranscriptEvent } from "../recognize/events.ts";
import type { Transcript } from "../transcript.ts";
import { assertUsable, tokenUsage } from "./answers.ts";
import { refusalOf } from "./http_error.ts";

/** Silence after which a comment shows that the connection lives. */
const HEARTBEAT_MS = 15_000;
/** A comment. */
export const HEARTBEAT: Uint8Array = new TextEncoder().encode(": \n\n");
/**
 * Events that may wait for a client that does not read: more than four hours of speech make. A request holds its place
 * for as long as the work takes, not the reading.
 */
const UNREAD_BYTES = 8 * 2 ** 20;

function sse(data: unknown): Uint8Array {
  // JSON has no raw line ends, so one line is one event.
  return new TextEncoder().encode(`data: ${JSON.stringify(data)}\n\n`);
}

/** How a stream ended: with the last event (`transcript`), with a failure, or because the client left (neither). */
export interface StreamResult {
  transcript?: Transcript;
  error?: unknown;
  /** Settles when the work has noticed that it is over. */
  settled: Promise<unknown>;
}

/** What a stream's owner tells it, and is told. */
export interface StreamWatch {
  /** Ends the stream with its reason, whether the client reads or not. */
  signal: AbortSignal;
  /** Called once. */
  onEnd(result: StreamResult): void;
  /** What the last event has besides. */
  more(transcript: Transcript): Promise<object | undefined>;
}

/**
 * Answers with events. The first is awaited, so that what fails at once is an ordinary refusal.
 *
 * @param events Of `Qwen3ASR.stream`.
 */
export async function eventStream(
  events: AsyncGenerator<TranscriptEvent, void>,
  { signal, onEnd, more }: StreamWatch,
): Promise<Response> {
  let next = await events.next();
  if (signal.aborted) {
    await events.return();
    throw signal.reason;
  }
  let ended = false;
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  let onAbort = () => {};
  const end = (result: Omit<StreamResult, "settled">) => {
    if (ended) return;
    ended = true;
    clearInterval(heartbeat);
    signal.removeEventListener("abort", onAbort);
    onEnd({ ...result, settled: events.return() });
  };
  const fail = (controller: ReadableStreamDefaultController<Uint8Array>, error: unknown) => {
    if (ended) return;
    controller.enqueue(sse(refusalOf(error).envelope));
    controller.close();
    end({ error });
  };
  const advance = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    for (; !next.done && !ended; next = await events.next()) {
      const event = next.value;
      if (event.type === "delta") {
        controller.enqueue(sse({ type: "transcript.text.delta", delta: event.text }));
        next = await events.next();
        return;
      }
      if (event.type !== "done") continue;
      const { transcript } = event;
      assertUsable(transcript);
      const remarks = transcript.warnings.length > 0 ? { warnings: transcript.warnings } : {};
      const usage = tokenUsage(transcript);
      const whole = await more(transcript);
      if (ended) return;
      const done = { type: "transcript.text.done", text: transcript.text, usage, ...remarks, ...whole };
      controller.enqueue(sse(done));
      controller.close();
      return end({ transcript });
    }
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      heartbeat = setInterval(() => controller.enqueue(HEARTBEAT), HEARTBEAT_MS);
      onAbort = () => fail(controller, signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
    },
    pull: (controller) => advance(controller).catch((error) => fail(controller, error)),
    cancel: () => end({}),
  }, new ByteLengthQueuingStrategy({ highWaterMark: UNREAD_BYTES }));
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
    },
  });
}
