/**
 * The view in one HTML file that needs nothing else.
 *
 * @module
 */
import { escapeHTML } from "../escape_html.ts";
import { VIEW_JS } from "./script.ts";
import { VIEW_CSS } from "./style.ts";
import type { ViewData } from "./view_data.ts";

/** JSON that ends no element and begins none. */
export function inlineJSON(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

const BODY_CSS = `
:root { color-scheme: light dark; background: light-dark(#f6f6f4, #16181b); }
body { margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { margin: .5rem 0; font: 600 1.3rem/1.3 system-ui, sans-serif; overflow-wrap: anywhere; color: light-dark(#1c1e21, #e9eaec); }
.q3v { padding: .6rem 1rem; border-radius: .75rem; }
${VIEW_CSS}`;

const BODY_JS = `${VIEW_JS}
const { view, sound } = JSON.parse(document.getElementById("data").textContent);
showTranscript(document.getElementById("view"), view, sound);
`;

/** A hash by which a content policy lets a piece pass (CSP 3, section 2.3.1). */
async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}

/** An address that holds a WAV file. */
export function soundURL(wav: Uint8Array): string {
  return `data:audio/wav;base64,${wav.toBase64()}`;
}

/**
 * A document with the view. Nothing in it but its own script runs, and it fetches nothing.
 *
 * @param wav The sound, from the start of the first chunk.
 */
export async function viewDocument(view: ViewData, wav: Uint8Array): Promise<string> {
  const policy = [
    "default-src 'none'",
    `script-src ${await hashOf(BODY_JS)}`,
    `style-src ${await hashOf(BODY_CSS)}`,
    "media-src blob:",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta http-equiv="content-security-policy" content="${policy}">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${escapeHTML(view.title)}</title>
  <link rel="icon" href="data:,">
  <style>${BODY_CSS}</style>
</head>
<body>
  <main>
    <h1>${escapeHTML(view.title)}</h1>
    <div id="view"><p>${escapeHTML(view.transcript.text)}</p></div>
  </main>
  <script type="application/json" id="data">${inlineJSON({ view, sound: soundURL(wav) })}</script>
  <script type="module">${BODY_JS}</script>
</body>
</html>
`;
}
