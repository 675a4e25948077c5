/**
 * What can be saved from the view: its picture, its words as a table, the piece of sound that was heard last.
 *
 * @module
 */

/** JavaScript. Needs `make`. */
export const SAVING_JS: string = String.raw`
/** Gives a file to the browser to save. */
function save(title, ending, content) {
  const blob = content instanceof Blob ? content : new Blob([content], { type: "text/plain" });
  const link = make("a", { href: URL.createObjectURL(blob) });
  link.download = title.replace(/\.[^.\s]*$/, "").replace(/[^\p{L}\p{N}_. -]+/gu, "_") + ending;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** A field as RFC 4180 has it. */
function field(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

/** Words with times, and how sure they are: a row each. */
function tableOf(words) {
  const rows = words.map(({ startSeconds, endSeconds, text, confidence, timing }) =>
    [startSeconds, endSeconds, text, confidence, timing].map(field).join(",")
  );
  return ["start,end,text,confidence,timing", ...rows, ""].join("\r\n");
}

/** 16 kHz, mono, 16 bits. */
function waveFile(samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const write = (at, name) => [...name].forEach((letter, k) => view.setUint8(at + k, letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  write(8, "WAVEfmt ");
  [[16, 16], [24, 16000], [28, 32000], [40, 2 * samples.length]].forEach(([at, value]) => view.setUint32(at, value, true));
  [[20, 1], [22, 1], [32, 2], [34, 16]].forEach(([at, value]) => view.setUint16(at, value, true));
  write(36, "data");
  samples.forEach((sample, k) => view.setInt16(44 + 2 * k, Math.max(-1, Math.min(1, sample)) * 32767, true));
  return new Blob([view], { type: "audio/wav" });
}

/** A piece of a recording as WAV. Channels are mixed. */
async function pieceOf(blob, from, to) {
  const context = new OfflineAudioContext(1, 1, 16000);
  const sound = await context.decodeAudioData(await blob.arrayBuffer());
  const [first, last] = [from, to].map((seconds) => Math.round(Math.min(seconds, sound.duration) * 16000));
  const channels = Array.from({ length: sound.numberOfChannels }, (_, k) => sound.getChannelData(k).subarray(first, last));
  return waveFile(channels[0].map((_, k) => channels.reduce((sum, one) => sum + one[k], 0) / channels.length));
}
`;
