/**
 * Version of this package: the one of deno.json.
 *
 * @module
 */

/** As in deno.json, where a test holds it. */
export const VERSION = "0.1.0";

/** What `--version` prints. */
export function versionText(): string {
  return `qwen3-asr ${VERSION} (Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch})\n`;
}
