/**
 * Reads language and text from what the model wrote. Spec 9.
 *
 * @module
 */
import { normalizeLanguage } from "./languages.ts";
import { TEXT_TAG } from "./tokenizer_definition.ts";
import { splitLines, strip } from "./whitespace.ts";

/** What the raw output of the decoder says. */
export interface ParsedTranscript {
  /** As the model spelled it, first letter upper case; not checked against the list; "" when it named none. */
  language: string;
  text: string;
}

const PREFIX = "language ";
/** Longest pattern, in code points, whose repetition is cleaned up. */
const MAX_PATTERN = 20;

/** Every run of one character longer than the threshold becomes that character. */
function collapseCharacters(characters: readonly string[], threshold: number): string[] {
  const kept: string[] = [];
  for (let start = 0; start < characters.length;) {
    const character = characters[start] ?? "";
    let end = start + 1;
    while (characters[end] === character) end++;
    const copies = end - start > threshold ? 1 : end - start;
    for (let copy = 0; copy < copies; copy++) kept.push(character);
    start = end;
  }
  return kept;
}

/**
 * For each position, how many characters from there on equal the one `distance` further on. A pattern of length d
 * is repeated at least t times from position i exactly when this number is at least (t - 1) * d.
 */
function matchLengths(codePoints: Int32Array, distance: number): Int32Array {
  const lengths = new Int32Array(codePoints.length + 1);
  for (let i = codePoints.length - distance - 1; i >= 0; i--) {
    lengths[i] = codePoints[i] === codePoints[i + distance] ? (lengths[i + 1] ?? 0) + 1 : 0;
  }
  return lengths;
}

/** Every pattern that is repeated at least `threshold` times back to back is kept once; the shortest pattern wins. */
function collapsePatterns(characters: readonly string[], threshold: number): string[] {
  if (characters.length < 2 * threshold) return [...characters];
  const codePoints = Int32Array.from(characters, (character) => character.codePointAt(0) ?? 0);
  const matches = Array.from({ length: MAX_PATTERN }, (_, i) => matchLengths(codePoints, i + 1));
  const repeatedAt = (i: number) =>
    matches.findIndex((lengths, index) => (lengths[i] ?? 0) >= (threshold - 1) * (index + 1)) + 1;
  const kept: string[] = [];
  const last = characters.length - 2 * threshold;
  let position = 0;
  while (position <= last) {
    const length = repeatedAt(position);
    if (length === 0) {
      kept.push(characters[position++] ?? "");
      continue;
    }
    kept.push(...characters.slice(position, position + length));
    const repeats = Math.floor((matches[length - 1]?.[position] ?? 0) / length) + 1;
    position += repeats * length;
  }
  return kept.concat(characters.slice(position));
}

/**
 * Cleans up the loops a speech model can fall into, exactly as the official code does (spec 9.2), in code points
 * and in time proportional to the length.
 *
 * @param threshold Runs of one character longer than this, and patterns of up to 20 characters repeated at
 * least this often, are written once.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(fixRepetitions("so " + "ha".repeat(30) + "!"), "so ha!");
 * assertEquals(fixRepetitions("no no no"), "no no no");
 * ```
 */
export function fixRepetitions(text: string, threshold = 20): string {
  return collapsePatterns(collapseCharacters([...text], threshold), threshold).join("");
}

/** The beginning of an answer that names a language. */
export function languageLine(language: string): string {
  return `${PREFIX}${language}${TEXT_TAG}`;
}

/** What an answer says after its language line; undefined as long as that is not finished. */
export function afterLanguageLine(raw: string): string | undefined {
  const at = raw.indexOf(TEXT_TAG);
  return at < 0 ? undefined : raw.slice(at + TEXT_TAG.length);
}

/** The value of the first line that starts with "language ", if it has one. */
function languageIn(meta: string): string {
  const line = splitLines(meta).map(strip).find((line) => line.toLowerCase().startsWith(PREFIX));
  const value = strip(line?.slice(PREFIX.length) ?? "");
  return value === "" ? "" : normalizeLanguage(value);
}

/**
 * Reads the decoder's output, e.g. `language English<asr_text>Hello.` (spec 9.1). Repetitions are cleaned up.
 *
 * @param raw The decoded tokens, without special ones; null counts as empty.
 * @param forcedLanguage The language the prompt already named: the output is then text and nothing else.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseTranscript("language German<asr_text>Guten Tag."), { language: "German", text: "Guten Tag." });
 * assertEquals(parseTranscript("Guten Tag.", "German"), { language: "German", text: "Guten Tag." });
 * assertEquals(parseTranscript("language None<asr_text>"), { language: "", text: "" });
 * ```
 */
export function parseTranscript(raw: string | null, forcedLanguage?: string): ParsedTranscript {
  const stripped = strip(raw ?? "");
  if (stripped === "") return { language: "", text: "" };
  const output = fixRepetitions(stripped);
  if (forcedLanguage) return { language: forcedLanguage, text: output };
  const said = afterLanguageLine(output);
  if (said === undefined) return { language: "", text: strip(output) };
  const meta = output.slice(0, -(TEXT_TAG.length + said.length));
  const text = strip(said);
  if (meta.toLowerCase().includes("language none")) return { language: "", text };
  return { language: languageIn(meta), text };
}
