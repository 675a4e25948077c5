/**
 * A real browser for tests of pages.
 *
 * @module
 */
import { assert } from "@std/assert";
import { type Browser, launch, type Page } from "puppeteer-core";
import { chromiumPath } from "../../scripts/chromium.ts";

/** A browser that ends with its block. */
export interface OpenBrowser extends AsyncDisposable {
  browser: Browser;
}

/** Chromium's switches for a microphone that nobody has to allow. */
export const MICROPHONE: readonly string[] = [
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

/** Starts Chromium. */
export async function openBrowser(...args: string[]): Promise<OpenBrowser> {
  const browser = await launch({
    executablePath: await chromiumPath(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", ...args],
  });
  return { browser, [Symbol.asyncDispose]: () => browser.close() };
}

/** Opens a page; whatever it complains of is collected. */
export async function openPage(
  browser: Browser,
  url: string,
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(url);
  return { page, complaints };
}

/** What an expression is in the page. */
export async function evaluate<T>(page: Page, expression: string): Promise<T> {
  return await page.evaluate(expression) as T;
}

/** Text of the first element. */
export async function textOf(page: Page, selector: string): Promise<string> {
  return await evaluate(page, `document.querySelector(${JSON.stringify(selector)}).textContent`);
}

/** Contrast of an element's text with what is behind it, as WCAG 2.2 computes it; runs in the page. */
const CONTRAST = `(element) => {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (...colors) => {
    probe.clearRect(0, 0, 1, 1);
    for (const color of colors) {
      probe.fillStyle = color;
      probe.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...probe.getImageData(0, 0, 1, 1).data].map((byte) => {
      const value = byte / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // Grounds may let what is behind them through.
  const grounds = [];
  for (let one = element; one; one = one.parentElement) {
    const { backgroundColor } = getComputedStyle(one);
    grounds.unshift(backgroundColor);
    if (/^rgb\\(/.test(backgroundColor)) break;
  }
  const ground = luminance(...grounds);
  const ink = luminance(...grounds, getComputedStyle(element).color);
  return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
}`;

/** Asserts that texts can be read: 4.5 to 1 (WCAG 2.2, success criterion 1.4.3). */
export async function assertReadable(page: Page, selectors: readonly string[]): Promise<void> {
  for (const selector of selectors) {
    const ratio = await evaluate<number>(
      page,
      `(${CONTRAST})(document.querySelector(${JSON.stringify(selector)}))`,
    );
    assert(ratio >= 4.5, `${selector} has ${ratio.toFixed(2)}`);
  }
}

/** Asserts that nothing sticks out of phones, in light and dark; pictures go where `SERVER_PAGE_PICTURES` says. */
export async function assertFits(page: Page, name: string, selectors: readonly string[]): Promise<void> {
  const pictures = Deno.env.get("SERVER_PAGE_PICTURES");
  for (const [width, scheme] of [[900, "light"], [360, "light"], [320, "dark"], [900, "dark"]] as const) {
    await page.setViewport({ width, height: 800 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    const wide = await evaluate(page, "document.documentElement.scrollWidth");
    assert(wide === width, `${name} is ${wide} wide on ${width}`);
    await assertReadable(page, selectors);
    if (pictures) {
      await page.screenshot({ path: `${pictures}/${name}-${width}-${scheme}.png`, fullPage: true });
    }
  }
}

/** The piece that was played since the words were watched: where it began, and where it stands now. */
export async function playedPiece(page: Page, act: () => Promise<unknown>): Promise<[number, number]> {
  await page.evaluate(`
    window.heard = [];
    {
      const audio = document.querySelector("audio");
      audio.addEventListener("play", () => heard.push(audio.currentTime), { once: true });
      audio.addEventListener("pause", () => setTimeout(() => heard.push(audio.currentTime), 50), { once: true });
    }
  `);
  await act();
  await page.waitForFunction("heard.length === 2", { timeout: 30_000 });
  return await evaluate(page, "heard");
}
