/**
 * The page's files, in one piece with the program: nothing is fetched from elsewhere.
 *
 * @module
 */
import { pageHTML, type PageOptions } from "./html.ts";
import { CAPTURE_JS, LIVE_JS } from "./live_script.ts";
import { PAGE_JS } from "./script.ts";
import { VIEW_JS } from "../../view/script.ts";
import { VIEW_CSS } from "../../view/style.ts";
import { PAGE_CSS } from "./style.ts";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "media-src blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Each with its type. */
const SCRIPTS: ReadonlyMap<string, string> = new Map([
  ["/page.js", PAGE_JS],
  ["/live.js", LIVE_JS],
  ["/capture.js", CAPTURE_JS],
  ["/view.js", `${VIEW_JS}\nexport { save, showTranscript };\n`],
]);

/** Where the page's files are. */
export const PAGE_PATHS: readonly string[] = ["/", "/page.css", ...SCRIPTS.keys()];

/** A file of the page. */
export function pageFile(path: string, options: PageOptions): Response {
  const script = SCRIPTS.get(path);
  const [type, text] = script !== undefined
    ? ["text/javascript", script]
    : path === "/page.css"
    ? ["text/css", PAGE_CSS + VIEW_CSS]
    : ["text/html", pageHTML(options)];
  return new Response(text, {
    headers: {
      "content-type": `${type}; charset=utf-8`,
      "content-security-policy": POLICY,
      "permissions-policy": "microphone=(self)",
      "referrer-policy": "no-referrer",
      "cache-control": "no-cache",
    },
  });
}
