import { assert, assertEquals } from "@std/assert";
import { parseAnswer, settledText } from "../lib/text/answer.ts";
import { parseTranscript } from "../lib/text/parse.ts";

const TAG = "<asr_text>";

Deno.test("parseAnswer() leaves nothing of the model's frame, wherever it stands", () => {
  const answers: [raw: string, language: string, text: string][] = [
    [`language English${TAG}Hello there.`, "English", "Hello there."],
    [`language None${TAG}`, "", ""],
    ["language None", "", ""],
    ["language None and", "", ""],
    [
      "language None and the train leaves, which nobody said, in a sentence that is longer than a line.",
      "",
      "",
    ],
    ["language", "", ""],
    ["langu", "", ""],
    ["language Eng", "", ""],
    ["languageFind the red lamp.", "", "Find the red lamp."],
    ["language. ", "", ""],
    ["language English", "English", ""],
    ["language English Hello there.", "English", "Hello there."],
    [`language English${TAG}Hello. language None${TAG}`, "English", "Hello."],
    [`language English${TAG}Hello.language German${TAG}Guten Tag.`, "English", "Hello. Guten Tag."],
    [`language English${TAG}${TAG}Hello.`, "English", "Hello."],
    [`language English${TAG}Hello. language None and`, "English", "Hello."],
    [`language English${TAG}. I see ten windows.`, "English", "I see ten windows."],
    [`language English${TAG}. `, "English", ""],
    [`language Chinese${TAG}。今天很好。`, "Chinese", "今天很好。"],
    [`language English${TAG}.5 of them`, "English", ".5 of them"],
    [
      `language English${TAG}The language English people speak.`,
      "English",
      "The language English people speak.",
    ],
    ["Hello there.", "", "Hello there."],
  ];
  for (const [raw, language, text] of answers) assertEquals(parseAnswer(raw), { language, text }, raw);
});

Deno.test("parseAnswer() takes frames out of an answer whose language was given", () => {
  const german = (raw: string) => parseAnswer(raw, "German").text;
  assertEquals(german("Guten Tag."), "Guten Tag.");
  assertEquals(german(`language None${TAG}`), "");
  assertEquals(german(`language German${TAG}Guten Tag.`), "Guten Tag.");
  assertEquals(german("Guten Tag. language None"), "Guten Tag.");
});

Deno.test("parseAnswer() is the official parser where there is no stray frame", () => {
  for (
    const said of ["Hello, I am here.", "今天 is 2024.", "What? No!", "“So.”", "-5 degrees", "(aside) yes"]
  ) {
    const raw = `language English${TAG}${said}`;
    assertEquals(parseAnswer(raw), parseTranscript(raw));
  }
});

Deno.test("settledText() never shows what it takes back, however the text goes on", () => {
  const texts = [
    `Hello there. language None${TAG}And more`,
    `I like the language we speak. Long live the law.`,
    `Hello. language German${TAG}Guten Tag.`,
    "Hello. language None and",
    ". I see ten lamps",
  ];
  for (const text of texts) {
    const whole = parseAnswer(text, "English").text;
    let shown = "";
    for (let end = 1; end <= text.length; end++) {
      // A tag is one token: nothing of it comes alone.
      const tag = text.indexOf("<");
      if (tag >= 0 && end > tag && end < tag + TAG.length) continue;
      const now = settledText(text.slice(0, end)).trimEnd();
      assert(now.startsWith(shown), `"${now}" after "${shown}"`);
      assert(!/language None|asr_text/.test(now), now);
      shown = now;
    }
    assert(whole.startsWith(shown), `${shown} of ${whole}`);
  }
});
