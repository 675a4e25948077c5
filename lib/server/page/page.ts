/**
 * The page's files, in one piece with the program: nothing is fetched from elsewhere.
 *
 * @module
 */
import { pageHTML, type PageOptions } from "./html.ts";
import { CAPTURE_JS, PAGE_JS } from "./script.ts";
import { PAGE_CSS } from "./style.ts";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A file of the page. */
export function pageFile(path: string, options: PageOptions): Response {
  const [type, text] = path === "/page.css"
    ? ["text/css", PAGE_CSS]
    : path === "/page.js"
    ? ["text/javascript", PAGE_JS]
    : path === "/capture.js"
    ? ["text/javascript", CAPTURE_JS]
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
