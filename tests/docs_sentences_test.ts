/**
 * docs/troubleshooting.md is looked up by what was printed: every sentence that it quotes stands in the code.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "./support/cli_process.ts";

/** Quotes that look like sentences in the middle of a paragraph, besides the bold ones. */
const QUOTE = /\*\*`([^`]+)`\*\*|`([^`]+)`, and `git lfs pull`/g;

/** TypeScript with sentences in one piece, and "…" for what is filled in. */
export function spoken(code: string): string {
  return code
    .replace(/(["'`])\s*\+\s*(["'`])/g, "")
    .replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…")
    .replace(/\s+/g, " ");
}

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    if (isDirectory) yield* sources(join(folder, name));
    else if (name.endsWith(".ts")) yield await Deno.readTextFile(join(ROOT, folder, name));
  }
}

/** Whether a quote stands in a text; a filled-in place may be any number of them, and end a sentence early. */
function stands(quote: string, text: string): boolean {
  const pattern = quote.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(pattern.join("…+")).test(text);
}

Deno.test("every sentence that docs/troubleshooting.md quotes stands in the code", async () => {
  const page = (await Deno.readTextFile(join(ROOT, "docs", "troubleshooting.md"))).replace(/\s+/g, " ");
  const quotes = [...page.matchAll(QUOTE)].map(([, bold, plain]) => (bold ?? plain)!);
  assertGreater(quotes.length, 50);
  assertEquals(quotes.filter((quote, i) => quotes.indexOf(quote) !== i), [], "quoted twice");
  let code = "";
  for (const folder of ["lib", "ffi"]) for await (const text of sources(folder)) code += `${spoken(text)}\n`;
  assertEquals(quotes.filter((quote) => !stands(quote, code)), []);
});

Deno.test("spoken() joins what is written in pieces, and stands() wants the words as they are", () => {
  const code = spoken('die(`Cannot read ${name}: it is ` +\n  "empty or " + `of ${f({ a: 1 })} bytes.`)');
  assert(stands("Cannot read …: it is empty or of … bytes.", code), code);
  assert(stands("it is empty", code));
  assert(!stands("Cannot read …: it was empty", code));
  assert(!stands("Cannot open …", code));
});
