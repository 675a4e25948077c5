/**
 * Text that shows the model's confidence.
 *
 * @module
 */
import { type Displayable, jupyterDisplay } from "@qwen3/asr/plot";

/** The text of a token with its probability. */
export interface TokenConfidence {
  /** With the white space that belongs to it. */
  text: string;
  /** 0 to 1; anything else counts as unknown. */
  probability: number;
}

/** Text with marks. Notebooks show it as HTML, or as text with the probability of doubtful tokens in brackets. */
export interface ColoredText extends Displayable {
  /** The text as an HTML fragment whose tags say all: colours are more, where a page keeps them. */
  toHTML(): string;
}

/** How to mark text. */
export interface ColoredTextOptions {
  /** Text above. @default {""} */
  title?: string | undefined;
  /** Whether a line below explains the marks. @default {true} */
  hasLegend?: boolean | undefined;
}

/** From this probability on, text is not marked. */
const SURE = 0.95;
/** Below this, text is also bold with its probability behind it. */
const DOUBTFUL = 0.5;
/** Opacities of a background: the page shows through, so text stays legible in light and dark themes. */
const [FAINT, STRONG] = [0.12, 0.5];
const [AMBER, RED] = [[250, 170, 0], [225, 30, 60]];

/**
 * Marks tokens by confidence: plain where the model was sure, marked where it was not (amber to red), bold and with
 * the probability behind it where it doubted. Pages that strip styles, as GitHub does, keep the marks.
 *
 * @param tokens In order; white space belongs to them.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * const text = coloredText([{ text: "Good", probability: 0.99 }, { text: " <morning>", probability: 0.4 }]);
 * assertStringIncludes(text.toHTML(), "<b>&lt;morning&gt;</b></mark><sub>0.4</sub>");
 * ```
 */
export function coloredText(
  tokens: readonly TokenConfidence[],
  options: ColoredTextOptions = {},
): ColoredText {
  const { title = "", hasLegend = true } = options;
  const toHTML = () => {
    const head = title && `<b>${escapeMarkup(title)}</b><br>`;
    const scale = [1, 0.8, 0.6, 0.4, 0.2, 0].map((probability) =>
      tokenTag(String(probability), probability, "")
    );
    const foot = hasLegend ? `<br><small>probability ${scale.join(" ")}</small>` : "";
    const words = tokens.map(({ text, probability }) =>
      tokenTag(text, probability, `<sub>${short(probability)}</sub>`)
    );
    return `<p dir="auto">${head}${words.join("")}${foot}</p>`;
  };
  const plain = tokens.map(({ text, probability }) =>
    probability < DOUBTFUL ? `${text}[${short(probability)}]` : text
  ).join("");
  const bundle = () => ({ "text/html": toHTML(), "text/plain": title ? `${title}: ${plain}` : plain });
  return { toHTML, [jupyterDisplay]: () => Promise.resolve(bundle()) };
}

/** A token; white space stays outside of its mark, and its number behind it when it is doubtful. */
function tokenTag(text: string, probability: number, number: string): string {
  const [, before = "", word = "", after = ""] = /^(\s*)([^]*?)(\s*)$/.exec(escapeMarkup(text)) ?? [];
  if (!(probability >= 0 && probability < SURE) || word === "") return before + word + after;
  const doubt = 1 - probability / SURE;
  const color = AMBER!.map((amber, k) => Math.round(amber + (RED![k]! - amber) * doubt)).join(",");
  const style = `color:inherit;background-color:rgba(${color},${
    (FAINT! + (STRONG! - FAINT!) * doubt).toFixed(2)
  })`;
  const open = `${before}<mark title="probability ${short(probability)}" style="${style}">`;
  return probability < DOUBTFUL
    ? `${open}<b>${word}</b></mark>${number}${after}`
    : `${open}${word}</mark>${after}`;
}

/** A probability with three digits. */
function short(probability: number): string {
  return String(Number(probability.toPrecision(3)));
}

/** Escapes a text for HTML, inside attributes too. */
function escapeMarkup(text: string): string {
  const names: Record<string, string> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#39" };
  return text.replace(/[&<>"']/g, (letter) => `&${names[letter]};`);
}
