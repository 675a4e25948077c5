/**
 * What kind of file bytes are, by the bytes themselves: names lie.
 *
 * @module
 */

/** Bytes that {@link containerOf} and {@link needsSeeking} want to see. */
export const SNIFF_BYTES = 4096;

/** First match wins. */
const SIGNATURES: readonly (readonly [container: string, start: RegExp])[] = [
  ["wav", /^(RIFF|RF64|BW64)[^]{4}WAVE/],
  ["avi", /^RIFF[^]{4}AVI /],
  ["aiff", /^FORM[^]{4}AIF/],
  ["flac", /^fLaC/],
  ["ogg", /^OggS/],
  ["m4a", /^[^]{4}ftypM4A/],
  ["mp4", /^[^]{4}ftyp/],
  ["webm", /^.E\xdf\xa3/],
  ["caf", /^caff/],
  ["au", /^\.snd/],
  ["amr", /^#!AMR/],
  ["wma", /^0&\xb2u\x8ef\xcf/],
  ["mp3", /^ID3/],
  ["aac", /^\xff[\xf0\xf1\xf8\xf9]/],
  ["mp3", /^\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]/],
  ["playlist", /^(#EXTM3U|ffconcat|\[playlist\]|<\?xml)/],
  ["web page", /^\s*<(!doctype|html)/i],
];

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/**
 * Names the kind of file: `wav`, `mp3`, `m4a`, `mp4`, `flac`, `ogg`, `webm`, `aac`, ..., `playlist`, `web page`,
 * `unknown`.
 *
 * @param start The first bytes of the file.
 */
export function containerOf(start: Uint8Array): string {
  const text = latin(start.subarray(0, 64)).replace(/^\xef\xbb\xbf/, "");
  return SIGNATURES.find(([, signature]) => signature.test(text))?.[0] ?? "unknown";
}

/**
 * Whether a decoder must jump about in the file: the index of an MP4 often stands behind its samples, that of a
 * CAF may.
 */
export function needsSeeking(start: Uint8Array, container: string): boolean {
  if (container === "caf") return true;
  if (container !== "mp4" && container !== "m4a") return false;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  for (let at = 0; at + 8 <= start.length;) {
    const type = latin(start.subarray(at + 4, at + 8));
    if (type === "moov") return false;
    const size = view.getUint32(at);
    if (type === "mdat" || size < 8) return true;
    at += size;
  }
  return true;
}
