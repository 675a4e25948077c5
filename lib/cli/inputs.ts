/**
 * What the user named, as a list of recordings: files, patterns, folders, addresses, standard input.
 *
 * @module
 */
import { basename, dirname, extname, fromFileUrl, join, relative, resolve } from "@std/path";
import { decodedPath, parseAddress, shownUrl } from "../address.ts";
import { AudioError, OptionError } from "../errors.ts";
import { nearestName } from "../nearest_name.ts";
import { expandGlob, isGlob } from "./glob.ts";
import { COMMANDS } from "./option_specs.ts";
import { printable } from "./terminal.ts";

/** One recording to transcribe. */
export interface Input {
  /** What `transcribe` takes: a path, an address, or "-". */
  source: string;
  /** What the user reads. */
  name: string;
  /** File name without folder and ending. */
  stem: string;
  /** Ending without its dot, "" when there is none. */
  extension: string;
  /** Folder it lies in; "" for addresses and standard input. */
  parent: string;
  /** Folder below the one that was named; "" for a file that was named itself. */
  below: string;
}

/** An argument that leads to no recording. */
export interface BadInput {
  name: string;
  error: Error;
}

/** What all arguments came to, in their order. */
export interface InputPlan {
  inputs: Input[];
  bad: BadInput[];
}

const AUDIO_ENDINGS = new Set(
  ("wav wave mp3 m4a m4b mp4 aac flac ogg oga opus webm mka mkv mov avi wma aiff aif aifc caf amr 3gp ac3 mpg mpeg " +
    "mp2 ts m2ts au w64 wv").split(" "),
);

/** Whether a file's ending is one of a recording or a film. */
export function looksLikeAudio(path: string): boolean {
  return AUDIO_ENDINGS.has(extname(path).slice(1).toLowerCase());
}

/** Whether something is an address that can be fetched. */
export function isAddress(text: string): boolean {
  return /^(https?|file|data|blob):/i.test(text);
}

function describe(source: string, place: { parent: string; below: string }, file = source): Input {
  const ending = extname(file);
  return {
    source,
    name: printable(source),
    stem: basename(file, ending) || "audio",
    extension: ending.slice(1),
    ...place,
  };
}

function address(text: string): Input {
  const url = parseAddress(text);
  const path = /^(https?|file):$/.test(url.protocol) ? decodedPath(url) : "audio";
  // One that ends in its host, or is the root, names no file.
  const file = /[^/\\]/.test(path) ? path : "audio";
  return { ...describe(text, { parent: "", below: "" }, file), name: printable(shownUrl(url)) };
}

/** A file that was named itself, or found below a folder. */
export function fileInput(path: string, root?: string): Input {
  return describe(path, {
    parent: dirname(path),
    below: root === undefined ? "" : relative(root, dirname(path)),
  });
}

/** Recordings in a folder, by name; those of its folders after its own. */
export async function recordingsIn(directory: string, recursive: boolean): Promise<string[]> {
  const files: string[] = [];
  const folders: string[] = [];
  for await (const { name, isDirectory, isFile, isSymlink } of Deno.readDir(directory)) {
    if (name.startsWith(".")) continue;
    const path = join(directory, name);
    if (isDirectory) folders.push(path);
    else if ((isFile || isSymlink) && looksLikeAudio(name)) files.push(path);
  }
  files.sort();
  if (recursive) {
    for (const folder of folders.sort()) files.push(...await recordingsIn(folder, true));
  }
  return files;
}

/** What stands in a name for bytes that are no UTF-8: Deno knows such a file by a name that opens nothing. */
const NOT_UTF8 = "\ufffd";

function notThere(argument: string): AudioError {
  if (argument.includes(NOT_UTF8)) {
    return new AudioError(`Cannot read ${argument}: its name is not UTF-8; rename it, or pass it by <`, {
      code: "audio-not-found",
    });
  }
  const isWord = /^[a-z]+$/i.test(argument);
  const command = isWord ? nearestName(argument, Object.keys(COMMANDS)) : undefined;
  const hint = command === undefined ? "" : `; did you mean the command "${command}"?`;
  return new AudioError(`Cannot read ${argument}: there is no such file${hint}`, { code: "audio-not-found" });
}

async function folder(path: string, recursive: boolean): Promise<Input[]> {
  const files = await recordingsIn(path, recursive);
  if (files.length > 0) return files.map((file) => fileInput(file, path));
  const hint = recursive ? "" : " (--recursive looks into its folders too)";
  throw new AudioError(`Cannot read ${path}: there is no recording in this folder${hint}`);
}

async function expand(argument: string, recursive: boolean): Promise<Input[]> {
  if (argument === "-") {
    return [{ ...describe("-", { parent: "", below: "" }, "stdin"), name: "standard input" }];
  }
  if (isAddress(argument)) return [address(argument)];
  const info = await Deno.stat(argument).catch((error) => {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    if (error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  });
  if (info?.isDirectory) return await folder(argument, recursive);
  if (info !== undefined) return [fileInput(argument)];
  if (!isGlob(argument)) throw notThere(argument);
  const found: Input[] = [];
  for (const path of await expandGlob(argument)) {
    if (!(await Deno.stat(path)).isDirectory) found.push(fileInput(path));
    else if (recursive) found.push(...await folder(path, recursive).catch(() => []));
  }
  if (found.length === 0) throw new AudioError(`Cannot read ${argument}: no file matches`);
  return found;
}

/** Which recordings the arguments mean. A recording named twice counts once. */
export async function planInputs(
  operands: readonly string[],
  options: { recursive: boolean; offline: boolean },
): Promise<InputPlan> {
  const inputs = new Map<string, Input>();
  const bad: BadInput[] = [];
  for (const operand of operands) {
    try {
      if (options.offline && /^https?:/i.test(operand)) {
        throw new OptionError(`Cannot fetch ${operand}: --offline allows no network`);
      }
      for (const input of await expand(operand, options.recursive)) {
        const isPath = input.source !== "-" && !isAddress(input.source);
        const mayLie = isPath && input.source.includes(NOT_UTF8);
        if (mayLie && await Deno.stat(input.source).then(() => false, () => true)) {
          bad.push({ name: input.name, error: notThere(input.source) });
          continue;
        }
        inputs.set(isPath ? resolve(input.source) : input.source, input);
      }
    } catch (error) {
      bad.push({
        name: printable(operand),
        error: error instanceof Error ? error : new Error(String(error)),
      });
    }
  }
  return { inputs: [...inputs.values()], bad };
}

/** Whether a path is a folder that can only be meant as a model: a config or weights in it, or nothing to transcribe. */
export async function isModelFolder(path: string): Promise<boolean> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.isDirectory) return false;
  for await (const { name } of Deno.readDir(path)) {
    if (name === "config.json" || name.endsWith(".safetensors")) return true;
  }
  return (await recordingsIn(path, true)).length === 0;
}

/** A recording of 4 s and what is said in it. */
export const SHORT_RECORDING = {
  file: "dev-00-en.wav",
  text: "The train leaves at ten on Thursday.",
} as const;

/** A recording of 102 s. */
export const LONG_RECORDING = "long-en.wav";

/** Path of a recording of the demo, or `undefined` where this program was loaded from the network. */
export function demoRecording(file: string): string | undefined {
  const url = new URL(`../../demo/recordings/${file}`, import.meta.url);
  return url.protocol === "file:" ? fromFileUrl(url) : undefined;
}
