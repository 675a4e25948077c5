/**
 * Which Deno this module needs.
 *
 * @module
 */

/** Every test ran on this one and later ones. */
export const TESTED_DENO = [2, 9] as const;

/** The oldest that transcribed. */
export const OLDEST_DENO = [2, 4] as const;

/** Whether a version is a given one or later. */
export function isFrom(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** What to tell whose Deno is too old; `undefined` for all others. */
export function denoRefusal(version: string): string | undefined {
  if (isFrom(version, OLDEST_DENO)) return undefined;
  return `Deno ${version} is too old: @qwen3/asr needs Deno ${OLDEST_DENO.join(".")}, better ${
    TESTED_DENO.join(".")
  } or newer; get it with \`deno upgrade\``;
}
