/**
 * Text whose background colour shows the model's confidence.
 *
 * @module
 */
import { type Displayable, jupyterDisplay, type MimeBundle } from "./display.ts";
import { escapeMarkup } from "./svg.ts";
import { shortNumber } from "./ticks.ts";

/** The text of a token with its probability. */
export interface TokenConfidence {
  /** With the white space that belongs to it. */
  text: string;
  /** 0 to 1; anything else counts as unknown. */
  probability: number;
}

/** Text with colours. Notebooks show it as HTML, or as text with the probability of doubtful tokens in brackets. */
export interface ColoredText extends Displayable {
  /** The text as an HTML fragment with inline styles only. */
  toHTML(): string;
}

/** How to colour text. */
export interface ColoredTextOptions {
  /** Text above. @default {""} */
  title?: string | undefined;
  /** Whether a line below explains the colours. @default {true} */
  hasLegend?: boolean | undefined;
}

/** From this probability on, text is not coloured. */
const SURE = 0.95;
/** Below this, text is also underlined, for readers who cannot tell the colours apart. */
const DOUBTFUL = 0.5;
/** Largest opacity of a background: the page shows through, so text stays legible in light and dark themes. */
const MAX_OPACITY = 0.5;
const AMBER = [250, 170, 0] as const;
const RED = [225, 30, 60] as const;

/**
 * Colours tokens by confidence: plain where the model was sure, amber to red where it was not. The probability is in
 * the tooltip.
 *
 * @param tokens In order; white space belongs to them.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * const text = coloredText([{ text: "Good", probability: 0.99 }, { text: " <morning>", probability: 0.4 }]);
 * assertStringIncludes(text.toHTML(), "&lt;morning&gt;");
 * ```
 */
export function coloredText(
  tokens: readonly TokenConfidence[],
  options: ColoredTextOptions = {},
): ColoredText {
  return new TokenText(tokens, options);
}

class TokenText implements ColoredText {
  readonly #tokens: readonly TokenConfidence[];
  readonly #options: ColoredTextOptions;

  constructor(tokens: readonly TokenConfidence[], options: ColoredTextOptions) {
    this.#tokens = tokens;
    this.#options = options;
  }

  toHTML(): string {
    const { title, hasLegend = true } = this.#options;
    const head = title ? `<div style="font-weight:bold;margin-bottom:4px">${escapeMarkup(title)}</div>` : "";
    const body = this.#tokens.map(tokenTag).join("");
    return `<div style="max-width:860px">${head}<div dir="auto" style="white-space:pre-wrap;line-height:1.9">${body}</div>` +
      `${hasLegend ? legendTag() : ""}</div>`;
  }

  [jupyterDisplay](): Promise<MimeBundle> {
    const plain = this.#tokens.map(({ text, probability }) =>
      probability < DOUBTFUL ? `${text}[${shortNumber(probability)}]` : text
    );
    return Promise.resolve({ "text/html": this.toHTML(), "text/plain": plain.join("") });
  }
}

function tokenTag({ text, probability }: TokenConfidence): string {
  const isKnown = probability >= 0 && probability <= 1;
  const style = isKnown ? styleOf(probability) : "";
  const title = isKnown ? `probability ${shortNumber(probability)}` : "probability unknown";
  return `<span title="${title}"${style ? ` style="${style}"` : ""}>${escapeMarkup(text)}</span>`;
}

function styleOf(probability: number): string {
  if (probability >= SURE) return "";
  const doubt = 1 - probability / SURE;
  const channel = (k: 0 | 1 | 2) => Math.round(AMBER[k] + (RED[k] - AMBER[k]) * doubt);
  const alpha = Math.round((0.12 + (MAX_OPACITY - 0.12) * doubt) * 100) / 100;
  const background = `background-color:rgba(${channel(0)},${channel(1)},${
    channel(2)
  },${alpha});border-radius:3px`;
  return probability < DOUBTFUL ? `${background};text-decoration:underline dotted` : background;
}

function legendTag(): string {
  const samples = [1, 0.8, 0.6, 0.4, 0.2, 0].map((probability) =>
    `<span style="${styleOf(probability)};padding:1px 6px">${shortNumber(probability)}</span>`
  );
  return `<div style="margin-top:6px;font-size:85%">probability ${samples.join(" ")}</div>`;
}
