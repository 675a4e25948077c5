/**
 * Text files as people's programs leave them.
 *
 * @module
 */

/** Text of a UTF-8 file, without the byte order mark that Windows programs put in front: JSON allows none. */
export async function readTextFile(path: string): Promise<string> {
  return (await Deno.readTextFile(path)).replace(/^\ufeff/, "");
}
