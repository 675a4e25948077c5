/**
 * What the page does: sends recordings, shows their text as it comes, cuts speech at pauses while it is spoken.
 *
 * @module
 */

/** JavaScript module. */
export const PAGE_JS = `
const byId = (id) => document.getElementById(id);
const [drop, file, choose, record, stop, level] = ["drop", "file", "choose", "record", "stop", "level"].map(byId);
const [language, prompt, key, status, results] = ["language", "prompt", "key", "status", "results"].map(byId);

const PAUSE_SECONDS = 0.7;
const LONGEST_SECONDS = 25;
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
  const [text, copy, save, remark] = [".text", ".copy", ".save", ".remark"].map((one) => card.querySelector(one));
  card.querySelector("h2").textContent = title;
  copy.setAttribute("aria-label", "Copy the text of " + title);
  save.setAttribute("aria-label", "Save the text of " + title);
  copy.onclick = async () => {
    await navigator.clipboard.writeText(text.textContent);
    say("Copied.");
  };
  save.onclick = () => {
    const link = document.createElement("a");
    link.download = title.replace(/\\.[^.]*$/, "").replace(/[^\\p{L}\\p{N}_. -]+/gu, "_") + ".txt";
    link.href = URL.createObjectURL(new Blob([text.textContent + "\\n"], { type: "text/plain" }));
    link.click();
    URL.revokeObjectURL(link.href);
  };
  results.prepend(card);
  return { card, text, remark };
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
    if (--waiting === 0 && !recorder) stop.hidden = true;
  });
}

function addFiles(files) {
  for (const one of files) {
    enqueue(one.name, async (signal) => {
      const { card, text, remark } = makeResult(one.name);
      card.ariaBusy = "true";
      try {
        const done = await transcribe(one, one.name, (now) => text.textContent = now, signal);
        if (done.text === "") remark.textContent = "No speech was found.";
        else remark.textContent = (done.warnings ?? []).map(({ message }) => message).join(" ");
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

/** 16-bit mono WAV. */
function wavOf(blocks, sampleRate) {
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * length));
  const write = (at, text) => [...text].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * length, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, 2 * length, true);
  let at = 44;
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(at, Math.max(-1, Math.min(1, sample)) * 32767, true);
      at += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}

const needsBlank = /[\\p{L}\\p{N}\\p{P}]$/u;
const writesWithoutBlanks = /[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\u3000-\\u303f\\uff00-\\uffef]$/u;

/** Speech from the microphone, cut at pauses, each piece sent while the next is spoken. */
class Recorder {
  blocks = [];
  heard = 0;
  quiet = 0;
  floor = 0.01;
  finished = "";

  static async open() {
    const one = new Recorder();
    one.stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
    one.context = new AudioContext();
    await one.context.audioWorklet.addModule("capture.js");
    const node = new AudioWorkletNode(one.context, "capture", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => one.take(data);
    one.context.createMediaStreamSource(one.stream).connect(node);
    one.result = makeResult("Recording, " + new Date().toLocaleTimeString());
    one.result.card.ariaBusy = "true";
    return one;
  }

  take(block) {
    const rms = Math.sqrt(block.reduce((sum, x) => sum + x * x, 0) / block.length);
    const seconds = block.length / this.context.sampleRate;
    level.value = Math.min(1, rms * 6);
    this.floor = Math.min(Math.max(rms, 1e-4), this.floor * (1 + 0.2 * seconds));
    const speaks = rms > Math.max(0.004, 3 * this.floor);
    if (speaks) this.heard += seconds;
    this.quiet = speaks ? 0 : this.quiet + seconds;
    this.blocks.push(block);
    this.length = (this.length ?? 0) + seconds;
    if (this.heard === 0 && this.length > 2) this.drop(1);
    if ((this.heard > 0.15 && this.quiet > PAUSE_SECONDS) || this.length > LONGEST_SECONDS) this.cut();
  }

  /** Forgets silence, all but the last seconds. */
  drop(keep) {
    while (this.length > keep) this.length -= this.blocks.shift().length / this.context.sampleRate;
  }

  cut() {
    const { blocks, heard } = this;
    [this.blocks, this.heard, this.quiet, this.length] = [[], 0, 0, 0];
    if (heard < 0.15) return;
    const wav = wavOf(blocks, this.context.sampleRate);
    enqueue("speech", async (signal) => {
      const before = this.finished;
      const gap = before === "" || writesWithoutBlanks.test(before) || !needsBlank.test(before) ? "" : " ";
      const show = (now) => this.result.text.textContent = now === "" ? before : before + gap + now;
      await transcribe(wav, "speech.wav", show, signal);
      this.finished = this.result.text.textContent;
    });
  }

  close() {
    for (const track of this.stream.getTracks()) track.stop();
    this.cut();
    this.context.close();
    const { card, text, remark } = this.result;
    work = work.then(() => {
      card.ariaBusy = "false";
      remark.textContent = text.textContent === "" ? "No speech was found." : "";
      remark.hidden = remark.textContent === "";
    });
  }
}

let recorder;

async function toggleRecording() {
  if (recorder) {
    recorder.close();
    recorder = undefined;
  } else {
    try {
      recorder = await Recorder.open();
      say("Listening: text appears at every pause.");
      stop.hidden = false;
    } catch (error) {
      return say("The microphone cannot be used: " + error.message, true);
    }
  }
  record.ariaPressed = String(!!recorder);
  byId("record-label").textContent = recorder ? "Stop" : "Speak";
  level.hidden = !recorder;
}

function cancel() {
  if (recorder) toggleRecording();
  abort.abort();
  abort = new AbortController();
}

choose.onclick = () => file.click();
file.onchange = () => {
  addFiles(file.files);
  file.value = "";
};
record.onclick = toggleRecording;
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
  record.title = "Browsers offer the microphone on https and localhost only.";
}
`;

/** JavaScript of the audio thread: hands on blocks of 2048 samples, first channel. */
export const CAPTURE_JS = `
registerProcessor("capture", class extends AudioWorkletProcessor {
  block = new Float32Array(2048);
  at = 0;
  process([[channel]]) {
    if (!channel) return true;
    this.block.set(channel, this.at);
    this.at += channel.length;
    if (this.at === this.block.length) {
      this.port.postMessage(this.block, [this.block.buffer]);
      this.block = new Float32Array(2048);
      this.at = 0;
    }
    return true;
  }
});
`;
