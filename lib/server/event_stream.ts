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

function sse(data: unknown): Uint8Array {
  // JSON has no raw line ends, so one line is one event.
  return new TextEncoder().encode(`data: ${JSON.stringify(data)}\n\n`);
}

/** What a stream tells its owner. */
export interface StreamWatch {
  /** Called once: after the last event (`transcript`), after a failure, or when the client has gone (neither). */
  onEnd(result: { transcript?: Transcript; error?: unknown }): void;
}

/**
 * Answers with events. The first is awaited, so that what fails at once is an ordinary refusal.
 *
 * @param events Of `Qwen3ASR.stream`.
 */
export async function eventStream(
  events: AsyncGenerator<TranscriptEvent, void>,
  watch: StreamWatch,
): Promise<Response> {
  let next = await events.next();
  let ended = false;
  let heartbeat: ReturnType<typeof setInterval> | undefined;
  const end = (result: { transcript?: Transcript; error?: unknown }) => {
    if (ended) return;
    ended = true;
    clearInterval(heartbeat);
    watch.onEnd(result);
  };
  const advance = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    for (; !next.done; next = await events.next()) {
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
      controller.enqueue(sse({ type: "transcript.text.done", text: transcript.text, usage, ...remarks }));
      controller.close();
      return end({ transcript });
    }
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      heartbeat = setInterval(() => controller.enqueue(new TextEncoder().encode(": \n\n")), HEARTBEAT_MS);
    },
    pull: async (controller) => {
      try {
        await advance(controller);
      } catch (error) {
        if (ended) return;
        controller.enqueue(sse(refusalOf(error).envelope));
        controller.close();
        end({ error });
      }
    },
    cancel: () => end({}),
  }, { highWaterMark: 0 });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      "x-accel-buffering": "no",
    },
  });
}
