/**
 * Which of ffmpeg's demuxers may read a file: chosen by what the bytes are, not by ffmpeg's own guess.
 *
 * ffmpeg also knows formats that are lists of other files (DASH, HLS, concat, image sequences, SDP, IMF, ...), and
 * takes texts for them by a few words. None of those is ever run here, from whatever place the bytes come.
 *
 * @module
 */

/** MP4 and QuickTime may name other files as the place of their samples ("data references"); those stay closed. */
const MOV = ["-f", "mov", "-enable_drefs", "0", "-use_absolute_path", "0"];

/** What is told apart by its bytes gets its demuxer, and no other. */
const BY_CONTAINER: Readonly<Record<string, readonly string[]>> = {
  wav: ["-f", "wav"],
  avi: ["-f", "avi"],
  aiff: ["-f", "aiff"],
  flac: ["-f", "flac"],
  ogg: ["-f", "ogg"],
  m4a: MOV,
  mp4: MOV,
  mov: MOV,
  webm: ["-f", "matroska"],
  caf: ["-f", "caf"],
  au: ["-f", "au"],
  amr: ["-f", "amr"],
  wma: ["-f", "asf"],
  aac: ["-f", "aac"],
};

/** Behind an ID3 tag, which may be longer than what we look at, stand frames of one of these. */
const TAGGED = ["mp3", "aac", "flac", "ac3", "eac3", "tta", "ape"];

/** All others that hold a recording and have no way to name another file; not mov, which has its own options. */
const SINGLE_FILE = [
  ...["wav", "w64", "aiff", "caf", "au", "voc", "ircam", "sox", "nistsphere", "iff", "avr", "pvf", "paf"],
  ...[
    "mp3",
    "aac",
    "loas",
    "flac",
    "ogg",
    "ac3",
    "eac3",
    "dts",
    "dtshd",
    "truehd",
    "mlp",
    "amr",
    "amrnb",
    "amrwb",
  ],
  ...["ape", "wv", "tta", "tak", "mpc", "mpc8", "shn", "dsf", "oma", "dss", "act", "aea", "qcp", "sbc"],
  // Without a signature: known by the file's name only.
  ...["gsm", "g722", "ilbc", "sln", "alaw", "mulaw"],
  ...["matroska", "asf", "xwma", "avi", "mpeg", "mpegts", "flv", "rm", "nut", "mxf", "gxf", "dv"],
];

/** In what ffmpeg says when its guess is none of these. */
export const NOT_LISTED = "not on whitelist";

/**
 * ffmpeg's input options that hold it to the right demuxer.
 *
 * @param container What the bytes are, see containerOf().
 */
export function demuxerArguments(container: string): readonly string[] {
  const forced = BY_CONTAINER[container];
  const list = forced ? [forced[1]] : container === "mp3" ? TAGGED : SINGLE_FILE;
  return ["-format_whitelist", list.join(","), ...forced ?? []];
}
