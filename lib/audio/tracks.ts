/**
 * Which of several audio tracks of a file is heard.
 *
 * @module
 */
import { AudioError, OptionError } from "../errors.ts";
import type { Warning } from "../transcript.ts";
import type { Track } from "./ffmpeg_log.ts";

/** A language code in its one canonical form: "ger", "deu" and "de" are one. */
function canonical(code: string): string {
  try {
    return new Intl.Locale(code).language;
  } catch {
    return code.toLowerCase();
  }
}

function languageName(code: string): string {
  return new Intl.DisplayNames(["en"], { type: "language" }).of(canonical(code)) ?? code;
}

function shown({ number, language, isDefault }: Track): string {
  const about = [language && languageName(language), isDefault && "default"].filter(Boolean).join(", ");
  return about ? `${number} (${about})` : `${number}`;
}

function list(tracks: readonly Track[]): string {
  return tracks.map(shown).join(", ");
}

/**
 * What was asked for, checked: the number of a track from 1, or a language by code or English name.
 *
 * @throws {OptionError} When it can be neither.
 */
export function checkTrack(track: number | string | undefined): number | string | undefined {
  const asNumber = typeof track === "string" && /^\s*\d+\s*$/.test(track) ? Number(track) : track;
  const isRight = asNumber === undefined ||
    (typeof asNumber === "number" ? Number.isInteger(asNumber) && asNumber >= 1 : asNumber.trim() !== "");
  if (isRight) return asNumber;
  throw new OptionError(`Cannot use track ${track}: it must be a number from 1, or a language.`, {
    option: "track",
  });
}

/**
 * The number of the first track in a language.
 *
 * @throws {AudioError} When there is none; names those there are.
 */
export function trackInLanguage(tracks: readonly Track[], wanted: string, name: string): number {
  const asked = wanted.trim();
  const found = tracks.find(({ language }) =>
    language !== "" &&
    (canonical(language) === canonical(asked) || languageName(language).toLowerCase() === asked.toLowerCase())
  );
  if (found) return found.number;
  throw new AudioError(
    tracks.length === 0
      ? `Cannot read ${name}: there is no audio in it.`
      : `Cannot read ${name}: it has no audio track in ${asked}; there are ${list(tracks)}.`,
  );
}

/** That there is no such track. */
export function noSuchTrack(track: number, tracks: readonly Track[], name: string): AudioError {
  return new AudioError(
    tracks.length < 2
      ? `Cannot read ${name}: there is no audio track ${track}, it has one.`
      : `Cannot read ${name}: there is no audio track ${track}; there are ${list(tracks)}.`,
  );
}

/** That a track was chosen which nobody asked for, and whether there is nothing in it. */
export function chosenTrack(
  tracks: readonly Track[],
  heard: string | undefined,
  { name, isSilent }: { name: string; isSilent: boolean },
): Warning[] {
  const track = tracks.find(({ stream }) => stream === heard);
  if (tracks.length < 2 || !track) return [];
  return [{
    code: "audio-selected",
    message:
      `${name} has ${tracks.length} audio tracks, ${list(tracks)}: track ${track.number} was heard${
        isSilent ? " and is silent" : ""
      }; ` + "choose another by `track` (--track on the command line).",
  }];
}
