/**
 * Every error this module throws on purpose: one sentence that says what is wrong, where, and what to do.
 *
 * @module
 */

/** Base class, so that a caller can tell our refusals from accidents. */
export class Qwen3ASRError extends Error {
  /** "Qwen3ASRError". */
  override name = "Qwen3ASRError";
}

/** The audio cannot be read: not audio, damaged, empty, of an unknown format. */
export class AudioError extends Qwen3ASRError {
  /** "AudioError". */
  override name = "AudioError";
}

/** The disk has no room for a temporary file that a recording needs: another try may succeed. */
export class DiskFullError extends AudioError {
  /** "DiskFullError". */
  override name = "DiskFullError";
}

/** A model cannot be found or used: missing folder, config or tensor, wrong shape, damaged file. */
export class ModelError extends Qwen3ASRError {
  /** "ModelError". */
  override name = "ModelError";
}

/** An argument is not usable: unknown language, bad number, conflicting options. */
export class OptionError extends Qwen3ASRError {
  /** "OptionError". */
  override name = "OptionError";
}

/** A download failed for good: not found, not allowed, damaged, no space. */
export class DownloadError extends Qwen3ASRError {
  /** "DownloadError". */
  override name = "DownloadError";
}
