import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { parse as parseSubtitles } from "@plussub/srt-vtt-parser";
import type { Page } from "puppeteer-core";
import {
  assertFits,
  assertReadable,
  evaluate,
  MICROPHONE,
  openBrowser,
  openPage,
  playedPiece,
  textOf,
} from "./support/browser.ts";
import { scriptedRecognizer } from "./support/realtime_client.ts";
import { soon } from "./support/server_raw.ts";
import { withSilence } from "./support/server_speech.ts";
import { formOf, post, recording, start } from "./support/server_start.ts";

const TEXT = "article .text";

/** Waits until the newest text is finished, then gives it. */
async function finishedText(page: Page): Promise<string> {
  await page.waitForSelector("article[aria-busy=false]", { timeout: 60_000 });
  return await textOf(page, TEXT);
}

/** Gives files to the page's file field. */
async function choose(page: Page, name: string): Promise<void> {
  const input = await page.$("input[type=file]");
  assert(input);
  await input.uploadFile(recording(name));
}

Deno.test("the page shows the text of chosen files as it comes", async () => {
  await using server = await start();
  await using chromium = await openBrowser();
  const { page, complaints } = await openPage(chromium.browser, server.url);
  await page.evaluate(`
    window.seen = [];
    new MutationObserver(() => seen.push(document.querySelector("${TEXT}")?.textContent))
      .observe(document.body, { subtree: true, childList: true, characterData: true });
  `);
  await choose(page, "dev-01-en.wav");
  assertEquals(await finishedText(page), "I see ten yellow windows.");
  const steps = await evaluate<string[]>(page, "seen");
  assert(steps.includes("I see ten"), `grew in steps: ${JSON.stringify(steps)}`);
  assertEquals(await textOf(page, "#status"), "Done.");
  assertEquals(complaints, []);
});

Deno.test("words that are pressed play their piece, and subtitles come out of the same answer", async () => {
  await using server = await start();
  const asked = await post(
    server,
    await formOf("dev-26-de.wav", {
      response_format: "verbose_json",
      "timestamp_granularities[]": "word",
    }),
  );
  const { words, text } = await asked.json();
  await using chromium = await openBrowser();
  const { page, complaints } = await openPage(chromium.browser, server.url);
  let uploads = 0;
  page.on("request", (request) => void (uploads += Number(request.method() === "POST")));
  await choose(page, "dev-26-de.wav");
  assertEquals(await finishedText(page), text);
  assertMatch(await textOf(page, "article"), /Nothing looks lost or repeated/);
  const spoken = await evaluate<string[]>(
    page,
    "[...document.querySelectorAll('.q3-word')].map((word) => word.textContent)",
  );
  assertEquals(spoken, words.map(({ word }: { word: string }) => word));
  const [from, to] = await playedPiece(page, () => page.click(".q3-word:nth-of-type(4)"));
  assertAlmostEquals(from, words[3].start, 0.02);
  assertAlmostEquals(to, words[3].end, 0.02);
  // By keyboard: two words on, and the place in the recording a second on.
  const [next] = await playedPiece(page, async () => {
    for (const key of ["ArrowRight", "ArrowRight", "Enter"] as const) await page.keyboard.press(key);
  });
  assertAlmostEquals(next, words[5].start, 0.02);
  assertEquals(await evaluate(page, "document.activeElement.textContent"), words[5].word);
  await page.focus(".q3-picture");
  const at = await evaluate<number>(page, "document.querySelector('audio').currentTime");
  await page.keyboard.press("ArrowRight");
  assertAlmostEquals(await evaluate(page, "document.querySelector('audio').currentTime"), at + 1, 0.02);
  await assertFits(page, "heard", [".q3-word", ".q3-note", ".q3-legend", ".q3-place", ".q3-time", ".q3-now"]);
  await page.evaluate(`
    ${SAVING}
    for (const button of document.querySelectorAll(".q3-files button")) {
      if (/^(srt|vtt|txt|json|csv)$/.test(button.textContent)) button.click();
    }
  `);
  const [srt, srtName, vtt, , txt, , json, , csv, csvName] = await evaluate<string[]>(
    page,
    "Promise.all(saved)",
  );
  assertEquals([srtName, csvName], ["dev-26-de.srt", "dev-26-de.words.csv"]);
  for (const subtitles of [srt!, vtt!]) {
    assertEquals(
      parseSubtitles(subtitles).entries.map(({ text }) => text.replaceAll("\n", " ")).join(" "),
      text,
    );
  }
  assertEquals(txt, `${text}\n`);
  assertEquals(JSON.parse(json!).text, text);
  assertEquals(csv!.trim().split("\r\n").length, 1 + words.length);
  assertEquals(uploads, 1);
  assertEquals(complaints, []);
});

Deno.test("the page weighs less than 60 kB, and its policy lets only its own files run", async () => {
  await using server = await start();
  let bytes = 0;
  for (const path of ["/", "/page.css", "/page.js", "/view.js", "/live.js", "/capture.js"]) {
    const response = await fetch(server.url + path);
    assertEquals(response.status, 200, path);
    bytes += (await response.arrayBuffer()).byteLength;
    const policy = response.headers.get("content-security-policy")!;
    const rules = new Map(policy.split("; ").map((rule) => [rule.split(" ")[0], rule]));
    assertEquals(rules.get("default-src"), "default-src 'none'");
    assertEquals(rules.get("script-src"), "script-src 'self'");
    assertEquals(rules.get("style-src"), "style-src 'self'");
    assertEquals(rules.get("media-src"), "media-src blob:");
    assert(!policy.includes("unsafe"), policy);
  }
  assert(bytes < 60_000, `${bytes} bytes`);
});

Deno.test("the page can be used by keyboard alone", async () => {
  await using server = await start();
  await using chromium = await openBrowser();
  const { page, complaints } = await openPage(chromium.browser, server.url);
  const stops: string[] = [];
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press("Tab");
    stops.push(await evaluate(page, "document.activeElement.id"));
  }
  assertEquals(stops, ["choose", "record", "language", "prompt"]);
  await page.focus("#choose");
  const opening = page.waitForFileChooser({ timeout: 30_000 });
  // The interception is on once the browser has answered something else.
  await evaluate(page, "document.readyState");
  await page.keyboard.press("Enter");
  const chooser = await opening;
  await chooser.accept([recording("dev-02-de.wav")]);
  assertEquals(await finishedText(page), "Heute ist Mittwoch, das Auto ist klein.");
  assertEquals(complaints, []);
});

Deno.test("the page says what the server refuses, and asks for a key where one is needed", async () => {
  await using server = await start({ apiKeys: ["right"] });
  await using chromium = await openBrowser();
  const { page } = await openPage(chromium.browser, server.url);
  await page.type("#key", "wrong");
  await choose(page, "dev-01-en.wav");
  await finishedText(page);
  assertEquals(await textOf(page, ".remark"), "Incorrect API key provided.");
  await page.evaluate(`
    document.querySelector("#key").value = "right";
    document.querySelector("#results").replaceChildren();
  `);
  await choose(page, "dev-01-en.wav");
  assertEquals(await finishedText(page), "I see ten yellow windows.");
});

Deno.test("the page writes down what is spoken into a microphone", async () => {
  await using server = await start();
  // Chromium plays the file in a loop as its microphone; the pause at its end cuts.
  const file = await Deno.makeTempFile({ suffix: ".wav" });
  await Deno.writeFile(file, await withSilence("dev-01-en.wav", 1.5));
  try {
    await using chromium = await openBrowser(
      ...MICROPHONE,
      `--use-file-for-fake-audio-capture=${file}`,
    );
    const { page, complaints } = await openPage(chromium.browser, server.url);
    await page.click("#record");
    // Firm text: a word that is still tentative may not have been spoken to its end, and stopping would cut it off.
    await page.waitForFunction(
      `(() => {
        const text = document.querySelector("${TEXT}")?.cloneNode(true);
        text?.querySelectorAll(".tentative").forEach((rest) => rest.remove());
        return text?.textContent.includes("windows.");
      })()`,
      { timeout: 60_000 },
    );
    assertEquals(await evaluate(page, "document.querySelector('#record').ariaPressed"), "true");
    await page.click("#record");
    assertMatch(await finishedText(page), /^I see ten yellow windows\.\n/);
    assertEquals(complaints, []);
  } finally {
    await Deno.remove(file);
  }
});

/** Keeps what is saved in the place of the browser's own way of saving it: content and name in turn. */
const SAVING = `
  window.saved = [];
  URL.createObjectURL = (blob) => (saved.push(blob.text()), "data:,");
  HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };
`;

/** A recogniser that says what a test wants as soon as sound has come. */
async function captioning(): Promise<Awaited<ReturnType<typeof scriptedRecognizer>>> {
  const recognizer = await scriptedRecognizer();
  recognizer.model.onOpen = (stream) => {
    stream.onPush = () => {
      if (stream.pushedSeconds < 0.5 || stream.calls.includes("said")) return;
      stream.calls.push("said");
      stream.say(
        { type: "speech-start", startSeconds: 0.5 },
        { type: "committed", text: "Good" },
        { type: "committed", text: " morning." },
        { type: "speech-end", startSeconds: 0.5, endSeconds: 2.25 },
        { type: "final", text: "Good morning." },
        { utterance: 1, type: "speech-start", startSeconds: 3661 },
        { utterance: 1, type: "committed", text: "The tea" },
        { utterance: 1, type: "tentative", text: " is rea" },
      );
    };
    stream.onEnd = () => {
      stream.say(
        { utterance: 1, type: "speech-end", startSeconds: 3661, endSeconds: 3662.5 },
        { utterance: 1, type: "final", text: "The tea is ready." },
      );
      stream.done();
    };
  };
  return recognizer;
}

Deno.test("the page captions what is spoken: firm, dim, final, and saved as text and subtitles", async () => {
  const recognizer = await captioning();
  await using server = await start({ model: recognizer, apiKeys: ["right"] });
  await using chromium = await openBrowser(...MICROPHONE);
  const { page, complaints } = await openPage(chromium.browser, server.url);
  await page.type("#key", "right");
  await page.select("#language", "de");
  assertEquals(await evaluate(page, "document.querySelector('#device').parentElement.hidden"), true);
  await page.focus("#record");
  await page.keyboard.press("Enter");
  await page.waitForFunction(`document.querySelector("${TEXT} .tentative:not(:empty)")`, { timeout: 60_000 });
  assertEquals(await textOf(page, TEXT), "Good morning.\nThe tea is rea\n");
  assertEquals(await textOf(page, `${TEXT} > :last-child .tentative`), " is rea");
  assertEquals(await textOf(page, "#said"), "Good morning.");
  assertEquals(await textOf(page, "#status"), "Listening.");
  assertEquals(recognizer.model.streams[0]?.options.language, "German");
  assertEquals([...recognizer.model.streams[0]!.rates], [24_000]);
  const devices = await evaluate<string[]>(
    page,
    "[...document.querySelector('#device').options].map((o) => o.text)",
  );
  assert(devices.some((name) => /Fake/.test(name)), `${devices}`);
  // Another microphone, in the middle.
  await page.evaluate(`
    const device = document.querySelector("#device");
    device.selectedIndex = device.options.length - 1;
    device.dispatchEvent(new Event("change"));
  `);
  const pushed = recognizer.model.streams[0]!.samples;
  await soon("heard from it", () => recognizer.model.streams[0]!.samples > pushed + 24_000);
  for (
    const [name, width, scheme] of [["phone", 375, "light"], ["live-light", 900, "light"], [
      "live-dark",
      900,
      "dark",
    ]] as const
  ) {
    await page.setViewport({ width, height: 800 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    assertEquals(await evaluate(page, "document.documentElement.scrollWidth"), width, "nothing sticks out");
    await assertReadable(page, [`${TEXT} .tentative:not(:empty)`, ".subtitles", "#device"]);
    const pictures = Deno.env.get("SERVER_PAGE_PICTURES");
    if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
  }
  await page.focus("#record");
  await page.keyboard.press("Enter");
  assertEquals(await finishedText(page), "Good morning.\nThe tea is ready.\n");
  await page.waitForFunction(`document.querySelector("#status").textContent === "Done."`);
  // What is saved, in the place of the browser's own way of saving it.
  await page.evaluate(`
    ${SAVING}
    document.querySelector(".save").click();
    document.querySelector(".subtitles").click();
  `);
  const [text, textName, subtitles, subtitlesName] = await evaluate<string[]>(page, "Promise.all(saved)");
  assertMatch(textName!, /^Recording_ .*\.txt$/);
  assertMatch(subtitlesName!, /\.srt$/);
  assertEquals(text, "Good morning.\nThe tea is ready.\n");
  const { entries } = parseSubtitles(subtitles!);
  assertEquals(entries.map(({ from, to, text }) => [from, to, text]), [
    [500, 2250, "Good morning."],
    [3_661_000, 3_662_500, "The tea is ready."],
  ]);
  assertEquals(complaints, []);
  await soon("disposed", () => recognizer.model.streams[0]!.isDisposed);
});

Deno.test("the page keeps what was heard when the server goes away, and says so", async () => {
  const server = await start({ model: await captioning() });
  await using chromium = await openBrowser(...MICROPHONE);
  const { page } = await openPage(chromium.browser, server.url);
  await page.click("#record");
  await page.waitForFunction(`document.querySelector("${TEXT}")?.textContent.includes("tea")`, {
    timeout: 60_000,
  });
  await server.close({ graceSeconds: 1 });
  await page.waitForFunction(`/has ended/.test(document.querySelector("#status").textContent)`);
  assertMatch(await finishedText(page), /Good morning/);
  assertEquals(await evaluate(page, "document.querySelector('#record').ariaPressed"), "false");
});

Deno.test("the page is readable in light and dark", async () => {
  await using server = await start();
  await using chromium = await openBrowser();
  const { page } = await openPage(chromium.browser, server.url);
  await choose(page, "dev-01-en.wav");
  await finishedText(page);
  for (const [scheme, color] of [["light", "rgb(246, 246, 244)"], ["dark", "rgb(22, 24, 27)"]] as const) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    assertEquals(await evaluate(page, "getComputedStyle(document.body).backgroundColor"), color);
    await assertReadable(page, ["h1", "header p", "#choose", "#record", "label", "#status", TEXT]);
  }
});
