/**
 * The container's clock, as a filter of ffmpeg's: what begins late or pauses is silence, so that times are right.
 *
 * Only gaps of 0.1 s and more are filled, and nothing is ever cut or stretched: samples of a recording without gaps come
 * out as they went in. What a clock jumps by more than {@link MAX_GAP_SECONDS} is left out and printed, in seconds:
 * ffmpeg keeps a gap in memory while it fills it, and such jumps are seldom silence. A 0 is printed for each frame that
 * is older than the one before: it was damaged, or the one before was.
 *
 * Every tenth of a second it says at a lower level how far the sound is, so that what a decoder complains of has a time.
 *
 * @module
 */

const LEAST_GAP_SECONDS = 0.1;
/** Longest silence that is made of a gap. */
export const MAX_GAP_SECONDS = 300;
const MAX_GAP_SAMPLES = 300 * 48_000;
const WARNING_LEVEL = 24;
const INFO_LEVEL = 32;

const LONGEST = `min(${MAX_GAP_SECONDS}*SR,${MAX_GAP_SAMPLES})`;

/** Prints the place of a frame, given in samples, when it is time to. Register 7: the next place to print. */
function told(place: string): string {
  return `if(gte(${place},ld(7)),print(${place}/SR,${INFO_LEVEL})*0+st(7,${place}+SR/10))`;
}

/**
 * Time of a frame from its own time PTS, both in samples. Registers: 0 the time, 1 where the frame before ended, 2 how
 * much of the clock was left out, 3 the gap, 4 the own time of the frame before, 5 whether there is something to print,
 * 6 what. It is printed a frame later: ffmpeg asks once more at the end, with a time in other units.
 */
const TIME = [
  `if(ld(5),print(ld(6),${WARNING_LEVEL}))`,
  "st(5,0)",
  "st(3,PTS-ld(2)-ld(1))",
  `if(gt(abs(ld(3)),${LONGEST}),st(2,ld(2)+ld(3))*0+st(5,1)*0+st(6,ld(3)/SR))`,
  "if(lt(PTS,ld(4))*gt(ld(1),0)*not(ld(5)),st(5,1)*0+st(6,0))",
  "st(4,PTS)",
  `st(0,if(between(ld(3),${LEAST_GAP_SECONDS}*SR,${LONGEST}),PTS-ld(2),ld(1)))`,
  "st(1,ld(0)+NB_SAMPLES)",
  told("ld(0)"),
  "ld(0)",
].join(";");

/** Counts the samples, and leaves the times as they are. Register 1: samples before this frame. */
const COUNT = [told("ld(1)"), "st(1,ld(1)+NB_SAMPLES)", "PTS"].join(";");

/**
 * Without times of their own: what ffmpeg calls their clock is a count of frames, or, in Ogg, of what the packets of a
 * page claim to last, which one bad packet puts wrong by seconds.
 */
const CLOCKLESS = ["wav", "aiff", "flac", "ogg", "mp3", "aac", "amr", "au", "caf"];

/** ffmpeg's output options that follow the clock of a container, where it has one (see containerOf()), and tell the time. */
export function clockArguments(container: string): readonly string[] {
  if (CLOCKLESS.includes(container)) return ["-af", `asetpts='${COUNT}'`];
  return ["-af", `asetpts='${TIME}',aresample=async=1:first_pts=0`];
}
