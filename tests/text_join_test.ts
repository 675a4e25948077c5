import { assertEquals } from "@std/assert";
import { joinTexts, splitSentences } from "../lib/text/join.ts";

Deno.test("joinTexts() puts spaces where the script has them", () => {
  const joined: [string[], string][] = [
    [[], ""],
    [["", "  ", "\n"], ""],
    [["one"], "one"],
    [["Hello.", "World"], "Hello. World"],
    [[" Hello ", "", " world "], "Hello world"],
    [["it is 20", "24 now"], "it is 20 24 now"],
    [["今天天气很好。", "我们走吧"], "今天天气很好。我们走吧"],
    [["今天天气", "很好"], "今天天气很好"],
    [["在2024", "年"], "在2024年"],
    [["今日は", "カタカナ", "です"], "今日はカタカナです"],
    [["สวัสดี", "ครับ"], "สวัสดีครับ"],
    [["ສະບາຍດີ", "ເຈົ້າ"], "ສະບາຍດີເຈົ້າ"],
    [["မြန်မာ", "စာ"], "မြန်မာစာ"],
    [["안녕하세요", "음성인식"], "안녕하세요 음성인식"],
    [["Привет", "мир"], "Привет мир"],
    [["नमस्ते।", "कैसे"], "नमस्ते। कैसे"],
    [["مرحبا", "بكم"], "مرحبا بكم"],
    [["我用", "iPhone 打电话"], "我用 iPhone 打电话"],
    [["他说：", "hello"], "他说：hello"],
    [["hello", "，世界"], "hello，世界"],
    [["Yes", ", of course"], "Yes, of course"],
    [["(", "aside)"], "(aside)"],
    [["Really?", "“Yes.”"], "Really? “Yes.”"],
  ];
  for (const [texts, text] of joined) assertEquals(joinTexts(texts), text);
});

Deno.test("splitSentences() cuts at sentence ends of all scripts", () => {
  const split: [string, string[]][] = [
    ["", []],
    ["  \n ", []],
    ["no end", ["no end"]],
    ["One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]],
    ["It costs $3.50. Good.", ["It costs $3.50.", "Good."]],
    ["今天天气很好。我们去公园！真的吗？是的", ["今天天气很好。", "我们去公园！", "真的吗？", "是的"]],
    ["はい。そうです。", ["はい。", "そうです。"]],
    ["यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है।", "यह दूसरा है।"]],
    ["كيف حالك؟ أنا بخير.", ["كيف حالك؟", "أنا بخير."]],
    ["line one\nline two", ["line one", "line two"]],
  ];
  for (const [text, sentences] of split) assertEquals(splitSentences(text), sentences);
});

Deno.test("splitSentences() keeps abbreviations and initials together", () => {
  assertEquals(splitSentences("Dr. Who met J. S. Bach in the U.S. Army. He left."), [
    "Dr. Who met J. S. Bach in the U.S. Army.",
    "He left.",
  ]);
  assertEquals(splitSentences("Herr Dr. Weiß kommt. Ja."), ["Herr Dr. Weiß kommt.", "Ja."]);
  assertEquals(splitSentences("He said no. So am I. Take plan b. Good."), [
    "He said no.",
    "So am I.",
    "Take plan b.",
    "Good.",
  ]);
});
