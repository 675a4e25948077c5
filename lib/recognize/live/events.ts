/**
 * Events on their way to the one who reads them.
 *
 * @module
 */
import { EventQueue } from "../../event_queue.ts";
import type { LiveEvent } from "./live_stream.ts";

/** Of tentative texts only the newest waits, all else is kept. */
export class LiveEvents extends EventQueue<LiveEvent> {
  /** Appends an event. */
  override push(event: LiveEvent): void {
    if (event.type === "tentative") this.drop(({ type }) => type === "tentative");
    super.push(event);
  }
}
