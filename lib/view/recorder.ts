/**
 * A microphone in a notebook.
 *
 * @module
 */
import { checkOptions, type Rules, text } from "../check_options.ts";
import { type Displayable, jupyterDisplay } from "../displayable.ts";
import { escapeHTML } from "../escape_html.ts";
import { inlineJSON } from "./document.ts";
import { MAKE_JS } from "./script.ts";
import { SAVING_JS } from "./saving_script.ts";
import { VIEW_CSS } from "./style.ts";

/** What to call the recording. */
export interface RecorderOptions {
  /** Name of the file, a WAV. @default {"recording.wav"} */
  file?: string | undefined;
}

const RECORDER_RULES: Rules<RecorderOptions> = { file: text };

const RECORDER_JS = `(() => {
${MAKE_JS}${SAVING_JS}
const root = document.currentScript?.closest(".q3-recorder") ?? document.querySelector(".q3-recorder:not([data-shown])");
if (!root || root.dataset.shown) return;
root.dataset.shown = "yes";
const file = JSON.parse(root.querySelector("script[type='application/json']").textContent);
const body = root.querySelector(".q3-body");
const button = (name) => make("button", { type: "button" }, name);
const [record, keep, put] = [button("Record"), button("Save " + file), button("Put beside the notebook")];
const audio = make("audio", { controls: "", hidden: "" });
const note = make("p", { class: "q3-note", role: "status" });
const say = (text) => note.textContent = text;
const lab = document.getElementById("jupyter-config-data");
keep.hidden = put.hidden = true;
let recorder, wave;

async function start() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const parts = [];
  recorder = new MediaRecorder(stream);
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.onstop = async () => {
    for (const track of stream.getTracks()) track.stop();
    recorder = undefined;
    record.textContent = "Record again";
    wave = await pieceOf(new Blob(parts), 0, Infinity);
    audio.src = URL.createObjectURL(wave);
    audio.hidden = keep.hidden = false;
    put.hidden = !lab;
    say("");
  };
  recorder.start();
  record.textContent = "Stop";
  say("Recording.");
}

/** Jupyter's own server takes files beside the notebook, where the kernel looks for them. */
async function upload() {
  const { baseUrl } = JSON.parse(lab.textContent);
  const [, folder = ""] = /\\/(?:tree|notebooks)\\/(.*\\/)?[^/]*\\.ipynb$/.exec(location.pathname) ?? [];
  const token = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? "";
  const bytes = new Uint8Array(await wave.arrayBuffer());
  const content = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const answer = await fetch(baseUrl + "api/contents/" + folder + encodeURIComponent(file), {
    method: "PUT",
    headers: { "content-type": "application/json", "x-xsrftoken": token },
    body: JSON.stringify({ type: "file", format: "base64", content }),
  });
  if (!answer.ok) throw new Error("the notebook's server answered " + answer.status);
  say("It is in " + decodeURIComponent(folder) + file + ".");
}

const failed = (error) => say("This does not work here: " + error.message);
record.onclick = () => recorder ? recorder.stop() : start().catch(failed);
keep.onclick = () => save(file, ".wav", wave);
put.onclick = () => upload().catch(failed);
if (!navigator.mediaDevices || !window.MediaRecorder) {
  record.disabled = true;
  say("Browsers offer the microphone on https and on localhost only, and VS Code does not: take a file.");
}
body.classList.add("q3v");
body.replaceChildren(make("div", { class: "q3-controls" }, record, keep, put), audio, note);
})();`;

/**
 * A button that records from the browser's microphone, in a notebook. The recording becomes a WAV of 16 kHz that is
 * saved from the browser or, in JupyterLab and Jupyter Notebook, put beside the notebook by Jupyter's own server, where
 * the next cell reads it by its name.
 *
 * It needs a browser that gives notebooks the microphone (on https or localhost) and outputs that may run scripts; VS
 * Code does not give it. There is no way from the browser to the kernel without a file.
 *
 * @throws {OptionError} When an option is not usable.
 *
 * @example
 * ```ts
 * import { jupyterDisplay } from "@qwen3/asr/plot";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const bundle = await recorder({ file: "mine.wav" })[jupyterDisplay]();
 * assertStringIncludes(bundle["text/plain"]!, "mine.wav");
 * ```
 */
export function recorder(options: RecorderOptions = {}): Displayable {
  checkOptions(options, RECORDER_RULES);
  const { file = "recording.wav" } = options;
  const elsewhere = `A recorder for ${file}: run the cell in a trusted notebook to use it.`;
  const html = `<div class="q3-recorder">
<div class="q3-body"><p>${escapeHTML(elsewhere)}</p></div>
<style>${VIEW_CSS}</style>
<script type="application/json">${inlineJSON(file)}</script>
<script>${RECORDER_JS}</script>
</div>`;
  return { [jupyterDisplay]: () => Promise.resolve({ "text/html": html, "text/plain": elsewhere }) };
}
