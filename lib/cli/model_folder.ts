/**
 * Tells a model's folder from a folder of recordings.
 *
 * @module
 */
import { recordingsIn } from "./inputs.ts";

/** Whether a path is a folder that can only be meant as a model: a config or weights in it, or nothing to transcribe. */
export async function isModelFolder(path: string): Promise<boolean> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.isDirectory) return false;
  for await (const { name } of Deno.readDir(path)) {
    if (name === "config.json" || name.endsWith(".safetensors")) return true;
  }
  return (await recordingsIn(path, true)).length === 0;
}
