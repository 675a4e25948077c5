/**
 * Every error this module throws on purpose: one sentence that says what is wrong, where, and what to do, and a code for
 * programs.
 *
 * @module
 */

/**
 * What is wrong, as one of a closed list: an entry for each thing that a caller would do something else about.
 *
 * - `audio-unreadable`: no audio, damaged, empty, or of an unknown format
 * - `audio-not-found`: there is no such file
 * - `audio-too-long`: longer than `maxDurationSeconds`
 * - `decoder-missing`: ffmpeg has to be installed, or the recording converted to WAV
 * - `model-unusable`: no Qwen3-ASR model, damaged, or too large for this machine
 * - `model-not-found`: not on this machine; `downloadModel()` gets the named ones
 * - `model-closed`: it was disposed before
 * - `option-unusable`: an argument has a value that makes no sense, or contradicts another
 * - `language-unknown`: not one of `LANGUAGES`
 * - `download-failed`: refused, damaged, or failed too often
 * - `access-denied`: gated or private: a token is needed, or another one
 * - `disk-full`: there is no room for a download, or for the temporary file that a recording needs
 * - `offline`: what is missing could be fetched, but no network may be used
 */
export type ErrorCode =
  | "audio-unreadable"
  | "audio-not-found"
  | "audio-too-long"
  | "decoder-missing"
  | "model-unusable"
  | "model-not-found"
  | "model-closed"
  | "option-unusable"
  | "language-unknown"
  | "download-failed"
  | "access-denied"
  | "disk-full"
  | "offline";

/** Base class, so that a caller can tell our refusals from accidents. */
export class Qwen3ASRError extends Error {
  /** "Qwen3ASRError". */
  override name = "Qwen3ASRError";
  /** What is wrong, for programs. */
  readonly code: ErrorCode;

  /** An error with its code. */
  constructor(message: string, { code, ...options }: ErrorOptions & { code: ErrorCode }) {
    super(message, options);
    this.code = code;
  }
}

/** The audio cannot be read: not audio, damaged, empty, of an unknown format. */
export class AudioError extends Qwen3ASRError {
  /** "AudioError". */
  override name = "AudioError";

  /** Its code is "audio-unreadable" unless another is given. */
  constructor(message: string, options: ErrorOptions & { code?: ErrorCode } = {}) {
    super(message, { code: "audio-unreadable", ...options });
  }
}

/** A model cannot be found or used: missing folder, config or tensor, wrong shape, damaged file. */
export class ModelError extends Qwen3ASRError {
  /** "ModelError". */
  override name = "ModelError";

  /** Its code is "model-unusable" unless another is given. */
  constructor(message: string, options: ErrorOptions & { code?: "model-not-found" | "model-closed" } = {}) {
    super(message, { code: "model-unusable", ...options });
  }
}

/** An argument is not usable: unknown language, bad number, conflicting options. */
export class OptionError extends Qwen3ASRError {
  /** "OptionError". */
  override name = "OptionError";
  /** Name of the option that is to blame, where that is known. */
  readonly option: string | undefined;

  /**
   * Its code is "option-unusable" unless another is given.
   *
   * @param details.option Name of the option that is to blame.
   */
  constructor(
    message: string,
    { option, ...details }: ErrorOptions & { code?: "language-unknown"; option?: string | undefined } = {},
  ) {
    super(message, { code: "option-unusable", ...details });
    this.option = option;
  }
}

/** A download failed for good: not found, not allowed, damaged, no space. */
export class DownloadError extends Qwen3ASRError {
  /** "DownloadError". */
  override name = "DownloadError";

  /** Its code is "download-failed" unless another is given. */
  constructor(
    message: string,
    options: ErrorOptions & { code?: "access-denied" | "disk-full" | "offline" } = {},
  ) {
    super(message, { code: "download-failed", ...options });
  }
}
