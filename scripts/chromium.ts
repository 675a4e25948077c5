/**
 * Finds a Chromium on this machine.
 *
 * @module
 */
const NAMES = ["chromium", "google-chrome", "chromium-browser", "chrome"];
const APPLICATION = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/** What Chromium needs to run where there is no screen, and where it may be root's. */
export const HEADLESS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--hide-scrollbars",
];

/** The path of a Chromium. */
export async function chromiumPath(): Promise<string> {
  const isFile = (path: string) => Deno.stat(path).then(({ isFile }) => isFile, () => false);
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    for (const name of NAMES) if (await isFile(`${folder}/${name}`)) return `${folder}/${name}`;
  }
  if (await isFile(APPLICATION)) return APPLICATION;
  throw new Error("No Chromium on PATH: install it (apt install chromium, brew install chromium).");
}
