/**
 * What kind of file bytes are, by the bytes themselves: names lie.
 *
 * @module
 */

/** Bytes that {@link containerOf} and {@link needsSeeking} want to see. */
export const SNIFF_BYTES = 4096;

/** First match wins. Formats that begin with printable letters have something behind them that no text has. */
const SIGNATURES: readonly (readonly [container: string, start: RegExp])[] = [
  ["wav", /^(RIFF|RIFX|RF64|BW64)[^]{4}WAVE/],
  ["avi", /^RIFF[^]{4}AVI /],
  ["aiff", /^FORM[^]{4}AIF[FC]/],
  ["flac", /^fLaC/],
  ["ogg", /^OggS\0/],
  // Boxes begin with their size, high byte first: that of ftyp is small, others may be 500 MB (blanks left out).
  ["m4a", /^\0\0[^]{2}ftypM4A/],
  ["mp4", /^\0\0[^]{2}ftyp/],
  ["mov", /^[^\t-\r -\xff][^]{3}(moov|mdat|free|skip|wide|pnot|uuid|styp)/],
  ["webm", /^[^\t-\r -\xff]E\xdf\xa3/],
  ["caf", /^caff\0/],
  ["au", /^\.snd\0/],
  ["amr", /^#!AMR(-WB)?\n/],
  ["wma", /^0&\xb2u\x8ef\xcf/],
  ["mp3", /^ID3[^\t-\r -\xff]/],
  ["aac", /^\xff[\xf0\xf1\xf8\xf9]/],
  ["mp3", /^\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]/],
];

/** Texts that are taken for recordings, behind a byte order mark and blanks; XML behind comments too. */
const TEXTS: readonly (readonly [container: string, start: RegExp])[] = [
  ["web page", /^<(!doctype|html)/i],
  ["playlist", /^(#EXTM3U|ffconcat|\[playlist\]|v=0\r?\n|<(\?xml|!--|mpd|smil|asx|playlist))/i],
];

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/**
 * Names the kind of file: `wav`, `mp3`, `m4a`, `mp4`, `mov`, `flac`, `ogg`, `webm`, `aac`, ..., `playlist`,
 * `web page`, `unknown`.
 *
 * @param start The first bytes of the file.
 */
export function containerOf(start: Uint8Array): string {
  const bytes = latin(start.subarray(0, 64));
  const text = latin(start).replace(/^\xef\xbb\xbf/, "").trimStart();
  return SIGNATURES.find(([, signature]) => signature.test(bytes))?.[0] ??
    TEXTS.find(([, beginning]) => beginning.test(text))?.[0] ?? "unknown";
}

/**
 * Whether a decoder must jump about in the file: the index of an MP4 often stands behind its samples, that of a
 * CAF may.
 */
export function needsSeeking(start: Uint8Array, container: string): boolean {
  if (container === "caf") return true;
  if (!["mp4", "m4a", "mov"].includes(container)) return false;
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
