/**
 * What the page does: sends recordings, shows their text as it comes, and captions what is spoken.
 *
 * @module
 */

/** JavaScript module. */
export const PAGE_JS = `
import { Captions } from "./live.js";
import { save, showTranscript } from "./view.js";

const byId = (id) => document.getElementById(id);
const [drop, file, choose, record, stop, level] = ["drop", "file", "choose", "record", "stop", "level"].map(byId);
const [language, prompt, key, device] = ["language", "prompt", "key", "device"].map(byId);
const [status, results] = ["status", "results"].map(byId);

let work = Promise.resolve();
let waiting = 0;
let abort = new AbortController();

function say(text, isBad = false) {
  status.textContent = text;
  status.classList.toggle("bad", isBad);
}

/** A card for one text. */
function makeResult(title) {
  const card = byId("result").content.cloneNode(true).firstElementChild;
  const find = (one) => card.querySelector(one);
  const [text, copy, plain, subtitles, remark] = [".text", ".copy", ".save", ".subtitles", ".remark"].map(find);
  card.querySelector("h2").textContent = title;
  copy.setAttribute("aria-label", "Copy the text of " + title);
  plain.setAttribute("aria-label", "Save the text of " + title);
  subtitles.setAttribute("aria-label", "Save " + title + " as SRT subtitles");
  copy.onclick = async () => {
    await navigator.clipboard.writeText(text.textContent);
    say("Copied.");
  };
  plain.onclick = () => save(title, ".txt", text.textContent.trimEnd() + "\\n");
  results.prepend(card);
  return { card, text, remark, plain, subtitles };
}

async function refusal(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return "The server answered " + response.status + ".";
  }
}

/** The events of a response, one object each. */
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let read; !(read = await reader.read()).done;) {
    const events = (rest + read.value).split("\\n\\n");
    rest = events.pop();
    for (const event of events) {
      if (event.startsWith("data: ")) yield JSON.parse(event.slice(6));
    }
  }
}

/** Sends a recording and hands on its text as it grows. */
async function transcribe(blob, name, show, signal) {
  const form = new FormData();
  form.append("stream", "true");
  form.append("include[]", "qwen3_asr.transcript");
  form.append("timestamp_granularities[]", "word");
  if (language.value) form.append("language", language.value);
  if (prompt.value.trim()) form.append("prompt", prompt.value.trim());
  form.append("file", blob, name);
  const headers = key?.value ? { authorization: "Bearer " + key.value } : {};
  const response = await fetch("v1/audio/transcriptions", { method: "POST", body: form, headers, signal });
  if (!response.ok) throw new Error(await refusal(response));
  let text = "";
  for await (const event of eventsOf(response)) {
    if (event.error) throw new Error(event.error.message);
    if (event.type === "transcript.text.delta") show(text += event.delta);
    if (event.type === "transcript.text.done") {
      show(event.text);
      return event;
    }
  }
  throw new Error("The connection ended early.");
}

/** Does one thing after the other; Cancel ends all. */
function enqueue(label, task) {
  const { signal } = abort;
  waiting++;
  stop.hidden = false;
  work = work.then(async () => {
    if (signal.aborted) return;
    say("Transcribing " + label + " ...");
    await task(signal);
    say(waiting > 1 ? "" : "Done.");
  }).catch((error) => say(signal.aborted ? "Cancelled." : error.message, !signal.aborted)).finally(() => {
    if (--waiting === 0 && !captions) stop.hidden = true;
  });
}

function addFiles(files) {
  for (const one of files) {
    enqueue(one.name, async (signal) => {
      const { card, text, remark, plain } = makeResult(one.name);
      card.ariaBusy = "true";
      try {
        const done = await transcribe(one, one.name, (now) => text.textContent = now, signal);
        byId("said").textContent = done.text;
        const view = document.createElement("div");
        card.append(view);
        showTranscript(view, { title: one.name, ...done.qwen3_asr }, one, text);
        plain.hidden = true;
      } catch (error) {
        remark.textContent = signal.aborted ? "Cancelled." : error.message;
        throw error;
      } finally {
        remark.hidden = remark.textContent === "";
        card.ariaBusy = "false";
      }
    });
  }
}

let captions;

/** What is spoken into the microphone, in a card of its own. */
function makeCaptions() {
  const { card, text, remark, subtitles } = makeResult("Recording, " + new Date().toLocaleTimeString());
  card.ariaBusy = "true";
  const show = () => {
    const isAtEnd = innerHeight + scrollY >= document.body.scrollHeight - 40;
    text.replaceChildren(...one.turns.map(({ text, tentative }) => {
      const line = document.createElement("span");
      const rest = document.createElement("span");
      rest.className = "tentative";
      rest.ariaHidden = "true";
      line.textContent = text;
      rest.textContent = tentative;
      line.append(rest, "\\n");
      return line;
    }));
    if (isAtEnd) card.scrollIntoView({ block: "nearest" });
  };
  const one = new Captions({
    settings: (rate) => ({
      type: "transcription",
      include: ["qwen3_asr.tentative"],
      audio: {
        input: {
          format: { type: "audio/pcm", rate },
          transcription: { language: language.value, prompt: prompt.value.trim() },
        },
      },
    }),
    secret: async () => {
      if (!key?.value) return undefined;
      const headers = { authorization: "Bearer " + key.value };
      const response = await fetch("v1/realtime/client_secrets", { method: "POST", headers, body: "{}" });
      if (!response.ok) throw new Error(await refusal(response));
      return (await response.json()).value;
    },
    onLevel: (now) => level.value = now,
    onChange: show,
    onSaid: (said) => byId("said").textContent = said,
    onError: (message) => say(message, true),
    onLost: () => {
      if (captions === one) endRecording(true);
      say("The connection to the server has ended. What was heard is kept.", true);
    },
  });
  subtitles.hidden = false;
  subtitles.onclick = () => save(card.querySelector("h2").textContent, ".srt", one.subtitles);
  one.finish = () => {
    card.ariaBusy = "false";
    remark.textContent = one.turns.length === 0 ? "No speech was found." : "";
    remark.hidden = remark.textContent === "";
  };
  one.forget = () => card.remove();
  return one;
}

function showRecording(isOn) {
  record.ariaPressed = String(isOn);
  byId("record-label").textContent = isOn ? "Stop" : "Speak";
  level.hidden = !isOn;
  stop.hidden = !isOn && waiting === 0;
}

/** The microphones there are: their names are told once one may be used. */
async function listDevices() {
  const all = await navigator.mediaDevices.enumerateDevices();
  const inputs = all.filter(({ kind, label }) => kind === "audioinput" && label !== "");
  device.parentElement.hidden = inputs.length === 0;
  const chosen = device.value || captions?.microphone.deviceId;
  device.replaceChildren(...inputs.map(({ deviceId, label }) => new Option(label, deviceId)));
  if (inputs.some(({ deviceId }) => deviceId === chosen)) device.value = chosen;
}

async function startRecording() {
  record.disabled = true;
  const one = makeCaptions();
  say("Starting the microphone ...");
  try {
    await one.start(device.value);
    captions = one;
    await listDevices();
    showRecording(true);
    say("Listening.");
  } catch (error) {
    one.forget();
    say("The microphone cannot be used: " + error.message, true);
  }
  record.disabled = false;
}

async function endRecording(isCancelled = false) {
  const one = captions;
  captions = undefined;
  showRecording(false);
  if (isCancelled) one.cancel();
  else {
    say("Finishing ...");
    await one.stop();
    say("Done.");
  }
  one.finish();
}

function cancel() {
  if (captions) endRecording(true);
  abort.abort();
  abort = new AbortController();
  say("Cancelled.");
}

choose.onclick = () => file.click();
file.onchange = () => {
  addFiles(file.files);
  file.value = "";
};
record.onclick = () => captions ? endRecording() : startRecording();
language.onchange = () => captions?.update();
prompt.onchange = () => captions?.update();
device.onchange = () => {
  captions?.use(device.value).catch((error) => say("This microphone cannot be used: " + error.message, true));
};
stop.onclick = cancel;
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !stop.hidden) cancel();
});
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop") addFiles(event.dataTransfer.files);
  });
}
addEventListener("paste", (event) => addFiles(event.clipboardData.files));
if (!navigator.mediaDevices) {
  record.disabled = true;
  say("Browsers offer the microphone on https and on localhost only: serve with --cert and --key.");
} else {
  navigator.mediaDevices.ondevicechange = listDevices;
}
`;
