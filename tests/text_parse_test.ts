import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { fixRepetitions, parseTranscript } from "../lib/text/parse.ts";
import { fixtures } from "./support/fixtures.ts";

const cases = JSON.parse(await Deno.readTextFile(join(await fixtures(), "cases/text_cases.json")));

Deno.test("parseTranscript() follows the official cases", () => {
  assertEquals(cases.parse_asr_output.length, 40);
  for (const { raw, user_language, out: [language, text] } of cases.parse_asr_output) {
    assertEquals(parseTranscript(raw, user_language ?? undefined), { language, text }, raw);
  }
});

Deno.test("parseTranscript() takes white space and lines as the official code does", () => {
  const parsed = (raw: string | null, forced?: string) => Object.values(parseTranscript(raw, forced));
  assertEquals(parsed(null), ["", ""]);
  assertEquals(parsed(null, "German"), ["", ""]);
  assertEquals(parsed("x", ""), ["", "x"]);
  assertEquals(parsed("\x1C\x85language Dutch<asr_text>\u3000hoi\u2003"), ["Dutch", "hoi"]);
  assertEquals(parsed("language English<asr_text>\uFEFFa\uFEFF"), ["English", "\uFEFFa\uFEFF"]);
  assertEquals(parsed("x\x1C language greek \u2028language Thai<asr_text>a"), ["Greek", "a"]);
  assertEquals(parsed("language\nlanguage Thai<asr_text>a"), ["Thai", "a"]);
  assertEquals(parsed("language \uFEFF<asr_text>a"), ["\uFEFF", "a"]);
});

Deno.test("fixRepetitions() follows the official cases", () => {
  assertEquals(cases.detect_and_fix_repetitions.length, 12);
  for (const { in: text, out } of cases.detect_and_fix_repetitions) assertEquals(fixRepetitions(text), out);
});

Deno.test("fixRepetitions() counts code points", () => {
  assertEquals(fixRepetitions("\u{1F600}".repeat(20)), "\u{1F600}".repeat(20));
  assertEquals(fixRepetitions("\u{1F600}".repeat(21)), "\u{1F600}");
  const twenty = "\u{1F600}bcdefghijklmnopqrs\u{1F601}";
  assertEquals(fixRepetitions(twenty.repeat(20) + "!"), twenty + "!");
  assertEquals(fixRepetitions(("x" + twenty).repeat(20)), ("x" + twenty).repeat(20));
});

Deno.test("fixRepetitions() takes another threshold", () => {
  assertEquals(fixRepetitions("aaaa hahahaha!", 3), "a ha!");
  assertEquals(fixRepetitions("aa haha!", 3), "aa haha!");
});

Deno.test("fixRepetitions() comes to an end on a hundred thousand almost periodic characters", () => {
  const nearly = ("ab".repeat(19) + "c").repeat(2600);
  assertEquals(fixRepetitions(nearly), nearly);
  assertEquals(fixRepetitions("abc".repeat(40_000)), "abc");
  assertEquals(fixRepetitions("a".repeat(1_000_000)), "a");
});
