/**
 * The view of a transcript in a file and in a notebook, in Chromium.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertGreater, assertMatch } from "@std/assert";
import type { Page } from "puppeteer-core";
import { loadAudio, Qwen3ASR } from "@qwen3/asr";
import { jupyterDisplay } from "@qwen3/asr/plot";
import { inspectionPage, player, recorder } from "@qwen3/asr/view";
import type { Trace } from "../lib/recognize/inspection/trace.ts";
import type { Transcript } from "../lib/transcript.ts";
import { viewDocument } from "../lib/view/document.ts";
import { muLawWAV } from "../lib/view/mu_law.ts";
import { viewOfTrace } from "../lib/view/of_trace.ts";
import { peaksOf } from "../lib/view/view_data.ts";
import {
  assertFits,
  evaluate,
  MICROPHONE,
  openBrowser,
  openPage,
  playedPiece,
  textOf,
} from "./support/browser.ts";
import { Folder } from "./support/cli_process.ts";
import { transcriptOf } from "./support/output_samples.ts";
import { recording } from "./support/server_start.ts";

let traced: Promise<Trace> | undefined;

/** One recording, looked into once. */
function germanTrace(): Promise<Trace> {
  return traced ??= (async () => {
    await using asr = await Qwen3ASR.load("demo");
    return await asr.inspect(recording("dev-26-de.wav"), { timestamps: "word", attention: "watched" });
  })();
}

const wordsOf = ({ segments }: Transcript) => segments.flatMap(({ words }) => words!);

/** Writes a document and opens it as a file. */
async function openFile(chromium: { browser: Parameters<typeof openPage>[0] }, folder: Folder, html: string) {
  await Deno.writeTextFile(folder.at("page.html"), html);
  return await openPage(chromium.browser, `file://${folder.at("page.html")}`);
}

/** Keeps what is saved, in the place of the browser's own way of saving it. */
const KEEP_SAVED = `
  URL.createObjectURL = (blob) => (window.saved = blob.arrayBuffer(), "data:,");
  HTMLAnchorElement.prototype.click = () => {};
`;

async function savedBytes(page: Page): Promise<Uint8Array<ArrayBuffer>> {
  await page.waitForFunction("window.saved", { timeout: 30_000 });
  return Uint8Array.from(await evaluate<number[]>(page, "saved.then((bytes) => [...new Uint8Array(bytes)])"));
}

Deno.test("a file of inspect() plays words, shows tokens with rivals where one points, and fits phones", async () => {
  const trace = await germanTrace();
  const words = wordsOf(trace.transcript);
  await using folder = await Folder.make();
  await using chromium = await openBrowser();
  const { page, complaints } = await openFile(chromium, folder, await inspectionPage(trace, "dev-26-de.wav"));
  assertEquals(await textOf(page, ".q3-text"), trace.text);
  const [from, to] = await playedPiece(page, () => page.click(".q3-word:nth-of-type(4)"));
  assertAlmostEquals(from, words[3]!.startSeconds, 0.02);
  assertAlmostEquals(to, words[3]!.endSeconds, 0.02);
  assertMatch(await textOf(page, ".q3-place"), /Buch.*%.*entropy.*rivals/);
  // A place in the mel, by the middle of another word.
  const { startSeconds, endSeconds, text } = words[9]!;
  await page.evaluate(`
    const close = document.querySelector(".q3-close");
    const box = close.getBoundingClientRect();
    const at = box.left + ${
    (startSeconds + endSeconds) / 2
  } / ${trace.transcript.durationSeconds} * box.width;
    close.dispatchEvent(new PointerEvent("pointerdown", { clientX: at, clientY: box.top + 40 }));
  `);
  assertEquals(await textOf(page, ".q3-place strong"), text);
  assertEquals(await textOf(page, ".q3-now"), text);
  await page.focus(".q3-picture");
  await page.keyboard.press("Space");
  await page.waitForFunction("!document.querySelector('audio').paused", { timeout: 30_000 });
  await page.keyboard.press("Space");
  await page.waitForFunction("document.querySelector('audio').paused", { timeout: 30_000 });
  await assertFits(page, "inspect", [
    "h1",
    ".q3-word",
    ".q3-place",
    ".q3-token span",
    ".q3-legend",
    ".q3-time",
  ]);
  assertEquals(complaints, []);
});

/** What a hostile recording might say and be called. */
const HOSTILE = `</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">`;

Deno.test("texts that are HTML stay texts, doubts are told in words, pieces of sound can be saved", async () => {
  const reason = `A sentence stands there twice: "${HOSTILE}"`;
  const coverage = { speechSeconds: 2, tokensPerSecond: 3, verdict: "suspect", reasons: [reason] } as const;
  const word = (text: string, startSeconds: number, confidence: number) => {
    return { text, startSeconds, endSeconds: startSeconds + 0.5, timing: "aligned", confidence } as const;
  };
  const words = [word("Good", 0.5, 0.99), word(HOSTILE, 1, 0.3)];
  const segment = { startSeconds: 0.5, endSeconds: 1.5, language: "English", timing: "aligned" } as const;
  const plain = transcriptOf([{ ...segment, text: `Good ${HOSTILE}`, words }]);
  const transcript: Transcript = {
    ...plain,
    text: `Good ${HOSTILE}`,
    durationSeconds: 2,
    coverage: { ...coverage, reasons: [...coverage.reasons] },
    chunks: [{
      index: 0,
      startSeconds: 0,
      endSeconds: 2,
      text: `Good ${HOSTILE}`,
      language: "English",
      rawText: "",
      tokens: [],
      finishReason: "stop",
      coverage: { ...coverage, reasons: [...coverage.reasons] },
      rescues: [{ reason, action: "temperature", temperature: 0.4, rejectedText: HOSTILE, accepted: false }],
    }],
    warnings: [{ code: "chunk-doubtful", chunk: 0, startSeconds: 0, endSeconds: 2, message: reason }],
  };
  const sound = Float32Array.from({ length: 32000 }, (_, i) => 0.5 * Math.sin(i / 8));
  const view = { title: HOSTILE, transcript, peaks: peaksOf(sound, 200) };
  await using folder = await Folder.make();
  await using chromium = await openBrowser();
  const { page, complaints } = await openFile(
    chromium,
    folder,
    await viewDocument(view, muLawWAV(sound, 16000)),
  );
  assertEquals(await textOf(page, "h1"), HOSTILE);
  assertEquals(await textOf(page, ".q3-text"), transcript.text);
  assertEquals(await textOf(page, ".q3-why h3"), "Why suspect");
  assert((await textOf(page, ".q3-why li")).includes(reason));
  assertEquals(await textOf(page, ".q3-why details"), `The text that was not taken${HOSTILE}`);
  assertEquals(await evaluate(page, "document.querySelectorAll('.q3-c3[role=button]').length"), 1);
  assertMatch(
    await evaluate(page, "getComputedStyle(document.querySelector('.q3-word.q3-c3')).textDecoration"),
    /underline.* wavy/,
  );
  await assertFits(page, "doubts", [".q3-word.q3-c3", ".q3-why li", ".q3-why h3", ".q3-why details"]);
  await playedPiece(page, () => page.click(".q3-word"));
  await page.evaluate(KEEP_SAVED);
  await page.evaluate("[...document.querySelectorAll('.q3-files button')].at(-1).click()");
  const piece = await loadAudio(await savedBytes(page));
  assertAlmostEquals(piece.durationSeconds, 0.5, 0.01);
  assertAlmostEquals(piece.samples.peak, 0.5, 0.02);
  assertEquals(await evaluate(page, "window.hacked === undefined"), true);
  assertEquals(complaints, []);
});

/** What a notebook makes of an output that it does not trust, and pages that show notebooks of every output. */
function sanitized(html: string): string {
  return html.replace(/<(script|style)\b[^]*?<\/\1>/g, "");
}

Deno.test("a player in a notebook plays, and is text, sound and picture where scripts may not run", async () => {
  const trace = await germanTrace();
  const bundle = await player(trace, { title: `<b>${HOSTILE}` })[jupyterDisplay]();
  assertEquals(Object.keys(bundle).sort(), ["image/png", "text/html", "text/plain"]);
  assertMatch(bundle["text/plain"]!, /Wo ist das Buch/);
  const words = wordsOf(trace.transcript);
  await using chromium = await openBrowser();
  const { page, complaints } = await openPage(chromium.browser, "about:blank");
  // As JupyterLab puts an output into its page: scripts are taken out and put in again.
  await page.setContent("<body data-jp-theme-light=false></body>");
  await page.evaluate(`
    const output = document.createElement("div");
    output.innerHTML = ${JSON.stringify(bundle["text/html"])};
    document.body.append(output);
    for (const old of output.querySelectorAll("script")) {
      const script = document.createElement("script");
      script.textContent = old.textContent;
      for (const { name, value } of old.attributes) script.setAttribute(name, value);
      old.replaceWith(script);
    }
  `);
  assertEquals(await textOf(page, ".q3-text"), trace.text);
  const [from, to] = await playedPiece(page, () => page.click(".q3-word:nth-of-type(3)"));
  assertAlmostEquals(from, words[2]!.startSeconds, 0.02);
  assertAlmostEquals(to, Math.max(words[2]!.endSeconds, words[2]!.startSeconds + 0.2), 0.02);
  assertEquals(
    await evaluate(page, "getComputedStyle(document.querySelector('.q3v')).backgroundColor"),
    "rgb(31, 34, 38)",
  );
  await page.setContent(sanitized(bundle["text/html"]!), { waitUntil: "load" });
  assertMatch(await textOf(page, ".q3-body"), /Wo ist das Buch/);
  assertGreater(await evaluate<number>(page, "document.querySelector('img').naturalWidth"), 300);
  await page.waitForFunction("document.querySelector('audio').duration > 6", { timeout: 30_000 });
  assertEquals(await evaluate(page, "document.querySelectorAll('b').length + (window.hacked ?? 0)"), 0);
  assertEquals(complaints, []);
});

Deno.test("a recorder in a notebook gives a WAV to save, and puts it beside the notebook", async () => {
  const bundle = await recorder({ file: "mine & yours.wav" })[jupyterDisplay]();
  let sent: { path: string; content: Uint8Array<ArrayBuffer>; token: string | null } | undefined;
  // In the place of Jupyter's own server.
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (request.method === "PUT") {
      const { content } = await request.json();
      const token = request.headers.get("x-xsrftoken");
      sent = { path: pathname, content: Uint8Array.fromBase64(content), token };
      return Response.json({}, { status: 201 });
    }
    const config = `<script type="application/json" id="jupyter-config-data">{"baseUrl": "/base/"}</script>`;
    return new Response(`<!doctype html><link rel="icon" href="data:,">${config}${bundle["text/html"]}`, {
      headers: { "content-type": "text/html; charset=utf-8", "set-cookie": "_xsrf=secret; Path=/" },
    });
  });
  await using chromium = await openBrowser(...MICROPHONE);
  const address = `http://localhost:${server.addr.port}/base/lab/tree/my%20talks/01.ipynb`;
  const { page, complaints } = await openPage(chromium.browser, address);
  await page.click(".q3-recorder button");
  await page.waitForFunction("/Recording/.test(document.querySelector('[role=status]').textContent)");
  await new Promise((resolve) => setTimeout(resolve, 600));
  await page.click(".q3-recorder button");
  await page.waitForSelector("button ::-p-text(Put beside)", { visible: true, timeout: 30_000 });
  await page.click("button ::-p-text(Put beside)");
  await page.waitForFunction("/It is in/.test(document.querySelector('[role=status]').textContent)");
  assertEquals(await textOf(page, "[role=status]"), "It is in my talks/mine & yours.wav.");
  assertEquals([sent?.path, sent?.token], ["/base/api/contents/my%20talks/mine%20%26%20yours.wav", "secret"]);
  const { durationSeconds, container } = await loadAudio(sent!.content);
  assertEquals(container, "wav");
  assertGreater(durationSeconds, 0.3);
  await page.evaluate(KEEP_SAVED);
  await page.click("button ::-p-text(Save mine)");
  assertEquals(await savedBytes(page), sent!.content);
  assertEquals(complaints, []);
});

Deno.test("viewOfTrace() gives each token of the text the word that it writes, and where the decoder looked", async () => {
  const trace = await germanTrace();
  const words = wordsOf(trace.transcript);
  const { tokens, mel, peaks } = viewOfTrace(trace, "");
  const written = words.map((_, index) =>
    tokens!.filter(({ piece }) => piece === index).map(({ text }) => text).join("").trim()
  );
  assertEquals(written, words.map(({ text }) => text));
  assert(tokens!.every(({ top, probability }) => top.length === 5 && probability > 0));
  assertEquals(Uint8Array.fromBase64(tokens![0]!.attention!).length, trace.chunks[0]!.passes[0]!.audioTokens);
  assertEquals([mel!.rows, mel!.columns], [64, Math.ceil(trace.transcript.durationSeconds * 100)]);
  assertEquals(Uint8Array.fromBase64(mel!.bytes).length, 64 * mel!.columns);
  assertEquals(Math.max(...Uint8Array.fromBase64(peaks!)), 255);
});

Deno.test("muLawWAV() is what ffmpeg makes of the same samples", async () => {
  const samples = Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i * i / 3000) * (i / 4000));
  await using folder = await Folder.make();
  const raw = Int16Array.from(samples, (sample) => Math.round(sample * 32767));
  await Deno.writeFile(folder.at("in.s16"), new Uint8Array(raw.buffer));
  await Deno.writeFile(folder.at("ours.wav"), muLawWAV(samples, 16000));
  const decode = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command("ffmpeg", {
      args: ["-v", "error", ...args, "-f", "s16le", "-"],
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    return [...new Int16Array(stdout.buffer)];
  };
  await decode(
    ...["-f", "s16le", "-ar", "16000", "-i", folder.at("in.s16")],
    ...["-c:a", "pcm_mulaw", "-f", "wav", folder.at("theirs.wav")],
  ).catch(() => {});
  const ours = await decode("-i", folder.at("ours.wav"));
  const theirs = await decode("-i", folder.at("theirs.wav"));
  assertEquals(ours.length, samples.length);
  for (const [i, sample] of ours.entries()) {
    // A step of mu-law is a 16th of its size; rounding at the edges of steps may differ by one.
    assertAlmostEquals(sample, theirs[i]!, 8 + Math.abs(theirs[i]!) / 14, `sample ${i}`);
    assertAlmostEquals(sample, raw[i]!, 8 + Math.abs(raw[i]!) / 28, `sample ${i}`);
  }
});
