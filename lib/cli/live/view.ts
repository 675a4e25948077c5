/**
 * Live text on a terminal: the utterance that is being said changes in place, what is final stays.
 *
 * @module
 */
import type { LiveEvent } from "../../recognize/live/live_stream.ts";
import { plainLines, type ScreenLine, screenLines } from "./lines.ts";
import type { LiveScreen } from "./screen.ts";
import { type StatusFacts, statusLine } from "./status.ts";

/** An utterance without its final text. */
interface OpenUtterance {
  committed: string;
  tentative: string;
}

/** How a view looks. */
export interface ViewOptions {
  /** Whether final texts are shown too; else they go elsewhere. */
  hasFinals: boolean;
  /** Most lines of text that changes. */
  maxLines: number;
  /** What is said below the text; nothing when left out. */
  facts: (() => StatusFacts) | undefined;
  dim: (text: string) => string;
}

const REDRAW_MS = 100;

/** Shows events and, below, the status. */
export class LiveView implements Disposable {
  readonly #screen: LiveScreen;
  readonly #options: ViewOptions;
  readonly #open = new Map<number, OpenUtterance>();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #onResize = () => this.#draw(true);

  constructor(screen: LiveScreen, options: ViewOptions) {
    this.#screen = screen;
    this.#options = options;
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGWINCH", this.#onResize);
    this.#draw();
  }

  /** Takes what happened. */
  event(event: LiveEvent): void {
    const { type, utterance } = event;
    if (type === "speech-start" || type === "speech-end") return;
    const open = this.#open.get(utterance) ?? { committed: "", tentative: "" };
    if (type === "final") {
      this.#open.delete(utterance);
      if (this.#options.hasFinals) this.#screen.print(plainLines(event.text, this.#screen.columns));
    } else {
      if (type === "committed") open.committed += event.text;
      // What is committed now was tentative before, as a rule: the rest stays where it is.
      const isBegin = type === "committed" && open.tentative.startsWith(event.text);
      const rest = isBegin ? open.tentative.slice(event.text.length) : "";
      open.tentative = type === "tentative" ? event.text : rest;
      this.#open.set(utterance, open);
    }
    this.#draw();
  }

  #draw(isResized = false): void {
    const { columns, rows } = this.#screen;
    const { facts, dim, maxLines } = this.#options;
    const text: ScreenLine[] = [...this.#open.values()].flatMap(({ committed, tentative }) =>
      screenLines(committed, tentative, columns, dim)
    );
    const status = facts && statusLine(facts(), columns);
    const below = status === undefined ? [] : [{ text: dim(status), plain: status }];
    const room = Math.max(1, Math.min(maxLines, rows - below.length));
    this.#screen.show([...text.slice(-room), ...below], isResized);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGWINCH", this.#onResize);
  }
}
