/**
 * The view in a notebook: reads, sounds and answers where outputs may run scripts, is a text with a picture elsewhere.
 *
 * @module
 */
import { checkOptions, type Rules, text } from "../check_options.ts";
import { type Displayable, jupyterDisplay, type MimeBundle } from "../displayable.ts";
import { escapeHTML } from "../escape_html.ts";
import type { Trace } from "../recognize/inspection/trace.ts";
import { inlineJSON, soundURL } from "./document.ts";
import { melMap } from "./mel_map.ts";
import { muLawWAV } from "./mu_law.ts";
import { viewOfTrace } from "./of_trace.ts";
import { VIEW_JS } from "./script.ts";
import { VIEW_CSS } from "./style.ts";

/** How to show a recording. */
export interface PlayerOptions {
  /** Stands above, and names the files that are saved. @default {"recording"} */
  title?: string | undefined;
}

const PLAYER_RULES: Rules<PlayerOptions> = { title: text };

/**
 * A recording to read and hear in a notebook: words that play, the wave and the mel with a cursor, the token of each
 * place with its rivals and where the decoder looked, what is doubtful and why. Ask `inspect()` for words and attention
 * to have them: `{ timestamps: "word", attention: "watched" }`.
 *
 * Its output carries the sound (1 MB a minute) and its own script. Where outputs may not run scripts (a notebook that is
 * not trusted, a page of GitHub) it is the text, the sound and a picture of the
 * mel.
 *
 * @throws {OptionError} When an option is not usable.
 *
 * @example
 * ```ts
 * import { Qwen3ASR } from "@qwen3/asr";
 * import { jupyterDisplay } from "@qwen3/asr/plot";
 * import { assertStringIncludes } from "@std/assert";
 *
 * await using asr = await Qwen3ASR.load("demo");
 * const trace = await asr.inspect("demo/recordings/dev-01-en.wav", { timestamps: "word", attention: "watched" });
 * const bundle = await player(trace, { title: "windows" })[jupyterDisplay]();
 * assertStringIncludes(bundle["text/plain"]!, "I see ten yellow windows.");
 * ```
 */
export function player(trace: Trace, options: PlayerOptions = {}): Displayable {
  checkOptions(options, PLAYER_RULES);
  const { title = "recording" } = options;
  return { [jupyterDisplay]: () => bundleOf(trace, title) };
}

/** Runs where it was put: the notebook takes scripts out and puts them in again. */
const PLAYER_JS = `(() => {
${VIEW_JS}
const found = document.currentScript?.closest(".q3-player") ?? document.querySelector(".q3-player:not([data-shown])");
if (!found || found.dataset.shown) return;
found.dataset.shown = "yes";
const view = JSON.parse(found.querySelector("script[type='application/json']").textContent);
const body = found.querySelector(".q3-body");
showTranscript(body, view, body.querySelector("audio").src);
})();`;

async function bundleOf(trace: Trace, title: string): Promise<MimeBundle> {
  const png = (await melMap(trace, title).toPNG()).toBase64();
  const sound = soundURL(muLawWAV(trace.samples.values, trace.sampleRate));
  const data = inlineJSON(viewOfTrace(trace, title));
  const said = escapeHTML(trace.text);
  const html = `<div class="q3-player">
<p><strong>${escapeHTML(title)}</strong></p>
<div class="q3-body"><p dir="auto">${said}</p>
<p><audio controls src="${sound}"></audio></p>
<p><img alt="Log-mel of ${escapeHTML(title)}" src="data:image/png;base64,${png}"></p></div>
<style>.q3v { padding: .6rem 1rem; max-width: 60rem; }${VIEW_CSS}</style>
<script type="application/json">${data}</script>
<script>${PLAYER_JS}</script>
</div>`;
  return { "text/html": html, "image/png": png, "text/plain": `${title}: ${trace.text}` };
}
