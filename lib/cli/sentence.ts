/**
 * Errors as one sentence.
 *
 * @module
 */

const OURS = /^(AudioError|ModelError|OptionError|DownloadError|Qwen3ASRError|LibraryError|MLXError)$/;

/** What happened, for people; with `verbose` where an error nobody expected came from. */
export function sentence(error: unknown, verbose = false): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message.trim().replace(/\.$/, "");
  if (OURS.test(error.name)) return message;
  if (error instanceof Deno.errors.NotCapable) {
    return `${message.split("\n")[0]}; docs/permissions.md has the flags for each use`;
  }
  if (verbose && error.stack) return error.stack;
  return `${error.name}: ${message.split("\n")[0]} (--verbose says where)`;
}
