/**
 * Opens notebooks in a real JupyterLab as somebody who has just cloned them sees them: not trusted, nothing run. Says which
 * of their pictures do not show.
 *
 * @module
 */
import { join } from "@std/path";
import { decode } from "fast-png";
import { launch, type Page } from "puppeteer-core";
import { chromiumPath, HEADLESS } from "./chromium.ts";
import { labCommand } from "./jupyter.ts";
import type { Notebook } from "./notebook_file.ts";
import { outputFault, type Seen, type ShownOutput, shownOutputs } from "./notebook_sight.ts";

/** More than enough where a busy machine starts both at once. */
const START_SECONDS = 180;
/** How long pictures may take until they are drawn; only a notebook with a fault takes so long. */
const SETTLE_SECONDS = 20;
const POLL_MS = 50;
/** The window: high, so that a notebook is seen in few screenshots, and at half the size, which makes them cheap. */
const VIEW = { width: 1100, height: 6000, deviceScaleFactor: 0.5 };
/** What two screenshots have in common, so that no output is cut in both. */
const SEEN_TWICE = 1500;

/** Opens a notebook without a kernel, alone in the window. Given to the page as text, as it runs there. */
const OPEN = `async (path) => {
  const app = window.jupyterapp;
  await app.restored;
  app.shell.mode = "single-document";
  app.shell.collapseLeft();
  const kernelPreference = { canStart: false, shouldStart: false };
  const panel = await app.commands.execute("docmanager:open", { path, factory: "Notebook", kernelPreference });
  await panel.context.ready;
  await panel.revealed;
  window.opened = panel;
}`;

/** Scrolls to a height. */
const SCROLL = `async (top) => {
  window.opened.content.outerNode.scrollTop = top;
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}`;

/** What is seen of each output, in pixels of the window. */
const LOOK = `() => {
  const { top, bottom } = window.opened.content.outerNode.getBoundingClientRect();
  const box = (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x, y, width, height };
  };
  const { scrollTop, clientHeight, scrollHeight } = window.opened.content.outerNode;
  const cells = window.opened.content.widgets.filter(({ model }) => model.type === "code").map(({ model, outputArea }) => ({
    isTrusted: model.trusted,
    outputs: outputArea.widgets.map(({ node }) => {
      const shown = node.querySelector(".jp-OutputArea-output");
      const images = [...shown?.querySelectorAll("img, svg, canvas") ?? []];
      const pictures = images.filter(({ naturalWidth }) => naturalWidth !== 0).map(box);
      const place = shown ? box(shown) : { x: 0, y: 0, width: 0, height: 0 };
      return {
        type: shown?.dataset.mimeType ?? "nothing",
        text: shown?.innerText.trim() ?? "",
        place,
        picture: pictures.sort((a, b) => b.width * b.height - a.width * a.height)[0],
        isInView: place.height > 0 && place.y >= top && place.y + place.height <= bottom,
      };
    }),
  }));
  return { cells, isEnd: scrollTop + clientHeight >= scrollHeight - 1 };
}`;

interface Look {
  cells: { isTrusted: boolean; outputs: (Seen & { isInView: boolean })[] }[];
  isEnd: boolean;
}

interface View {
  faults: string[];
  judged: ShownOutput[];
  isEnd: boolean;
  screenshot: Uint8Array;
}

/** What else is wanted of a look at a notebook. */
export interface Wishes {
  /** Gets each screenshot, a PNG, from the top down. */
  keep?: ((screenshot: Uint8Array) => Promise<void>) | undefined;
  /** Whether the faults so far are those that should be there: by default none. What is not so may still be drawn. */
  isExpected?: (faults: readonly string[]) => boolean;
}

function isEmpty(list: readonly unknown[]): boolean {
  return list.length === 0;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** The address of a server that has just been started, from the file it leaves when it is ready. */
async function addressOf(home: string): Promise<string> {
  const runtime = join(home, "runtime");
  const end = performance.now() + START_SECONDS * 1000;
  while (performance.now() < end) {
    const files = await Array.fromAsync(Deno.readDir(runtime)).catch(() => []);
    const file = files.find(({ name }) => /^jpserver-\d+\.json$/.test(name));
    const text = file && await Deno.readTextFile(join(runtime, file.name));
    if (text?.endsWith("}")) {
      const { port, token } = JSON.parse(text);
      return `http://127.0.0.1:${port}/lab?token=${token}&reset`;
    }
    await pause();
  }
  throw new Error(`JupyterLab did not start within ${START_SECONDS} s.`);
}

/** Asks a program to end, and waits until it has. */
async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended by itself
  }
  await child.status;
}

/** A JupyterLab that nobody has used before, open in a browser. */
export class Lab implements AsyncDisposable {
  readonly #folder: string;
  readonly #page: Page;
  readonly #cleanup: AsyncDisposableStack;

  private constructor(folder: string, page: Page, cleanup: AsyncDisposableStack) {
    [this.#folder, this.#page, this.#cleanup] = [folder, page, cleanup];
  }

  /** Starts both, which takes some seconds. @throws {Error} When one cannot be installed or does not start. */
  static async open(): Promise<Lab> {
    const home = await Deno.makeTempDir({ prefix: "notebook-lab-" });
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => Deno.remove(home, { recursive: true }).catch(() => {}));
    const folder = join(home, "notebooks");
    await Deno.mkdir(folder);
    const server = (await labCommand(home, folder)).spawn();
    cleanup.defer(() => end(server));
    const complaints = new Response(server.stderr).text();
    const died = server.status.then(async () => {
      throw new Error(`JupyterLab does not start. It says\n${(await complaints).trim()}`);
    });
    died.catch(() => {});
    const executablePath = await chromiumPath();
    const browser = await launch({
      executablePath,
      args: HEADLESS,
      userDataDir: join(home, "browser"),
      // Its own answer to a signal ends the browser and lets this program go on without.
      ...{ handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false },
    });
    cleanup.defer(() => browser.close());
    const page = await browser.newPage();
    await page.setViewport(VIEW);
    page.setDefaultTimeout(START_SECONDS * 1000);
    await page.goto(await Promise.race([addressOf(home), died]));
    await page.waitForFunction("window.jupyterapp !== undefined");
    return new Lab(folder, page, cleanup.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }

  /**
   * Opens a fresh copy of a notebook and says what of it does not show, one sentence for each fault.
   *
   * @param name A file name that was not opened before.
   */
  async faultsOf(
    name: string,
    notebook: Notebook,
    { keep, isExpected = isEmpty }: Wishes = {},
  ): Promise<string[]> {
    await Deno.writeTextFile(join(this.#folder, name), JSON.stringify(notebook));
    await this.#page.evaluate(`(${OPEN})(${JSON.stringify(name)})`);
    const waiting = new Set(shownOutputs(notebook));
    let faults: string[] = [];
    for (let top = 0, isEnd = false; waiting.size > 0 && !isEnd; top += VIEW.height - SEEN_TWICE) {
      await this.#page.evaluate(`(${SCROLL})(${top})`);
      const end = performance.now() + SETTLE_SECONDS * 1000;
      let view = await this.#view(waiting);
      while (!isExpected([...faults, ...view.faults]) && performance.now() < end) {
        await pause();
        view = await this.#view(waiting);
      }
      isEnd = view.isEnd;
      faults = [...faults, ...view.faults];
      for (const output of view.judged) waiting.delete(output);
      await keep?.(view.screenshot);
    }
    return faults;
  }

  /** Judges what is in the window now, and at the end of the notebook all that was not there before. */
  async #view(waiting: ReadonlySet<ShownOutput>): Promise<View> {
    const { cells, isEnd } = await this.#page.evaluate(`(${LOOK})()`) as Look;
    const screenshot = await this.#page.screenshot({ optimizeForSpeed: true, captureBeyondViewport: false });
    const pixels = { ...decode(screenshot), scale: VIEW.deviceScaleFactor };
    const judged = [...waiting].filter(({ cell, index }) => isEnd || cells[cell]?.outputs[index]?.isInView);
    const faults = judged.flatMap(({ cell, id, index, data }) => {
      const fault = outputFault(data, cells[cell]?.outputs[index], pixels);
      return fault ? [`Cell ${id} ${fault}, in an untrusted JupyterLab.`] : [];
    });
    if (cells.some(({ isTrusted }) => isTrusted)) {
      faults.push("It is trusted, so that this check says nothing.");
    }
    return { faults, judged, isEnd, screenshot };
  }
}
