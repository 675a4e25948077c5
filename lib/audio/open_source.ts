/**
 * From what a caller has (a path, a URL, bytes, a stream) to a stream of bytes.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { parseAddress, shownUrl } from "../address.ts";
import { AudioError } from "../errors.ts";
import { ByteSource } from "./byte_source.ts";

/**
 * What audio can be read from: a path ("-" for standard input), a URL (http, https, file, data, blob) as string or
 * object, the bytes of a file, a `Blob` or a stream of them, or 16 kHz mono samples.
 */
export type AudioSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | Float32Array;

/** An audio file in any form. */
export type EncodedSource = Exclude<AudioSource, Float32Array>;

interface OpenOptions {
  signal?: AbortSignal | undefined;
  fetch?: typeof fetch | undefined;
}

const URL_SCHEME = /^(https?|file|data|blob):/i;

function reasonOf(error: unknown, path: string): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "the system allows no access";
  if (error instanceof Deno.errors.NotCapable) {
    return `this program may not (run it with --allow-read=${path})`;
  }
  return error instanceof Error ? error.message : String(error);
}

async function openPath(path: string, signal: AbortSignal | undefined): Promise<ByteSource> {
  try {
    const { isDirectory, isFile } = await Deno.stat(path);
    if (isDirectory) throw new AudioError(`Cannot read ${path}: it is a folder, expected an audio file.`);
    const { readable } = await Deno.open(path);
    // A named pipe gives its bytes only once.
    return new ByteSource(readable, { name: path, path: isFile ? path : undefined, signal });
  } catch (cause) {
    if (cause instanceof AudioError) throw cause;
    const code = cause instanceof Deno.errors.NotFound ? { code: "audio-not-found" } as const : {};
    throw new AudioError(`Cannot read ${path}: ${reasonOf(cause, path)}.`, { cause, ...code });
  }
}

function pathOfUrl(url: URL): string {
  try {
    return fromFileUrl(url);
  } catch (cause) {
    throw new AudioError(`Cannot read ${url.href}: it is no path of this machine.`, { cause });
  }
}

async function openUrl(url: URL, options: OpenOptions): Promise<ByteSource> {
  const name = shownUrl(url);
  const { signal, fetch: request = fetch } = options;
  let response: Response;
  try {
    response = await request(url, signal ? { signal } : {});
  } catch (cause) {
    signal?.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AudioError(`Cannot fetch ${name}: ${reason}.`, { cause });
  }
  if (!response.ok) {
    await response.body?.cancel();
    const status = `${response.status} ${response.statusText}`.trim();
    throw new AudioError(`Cannot fetch ${name}: the server answered ${status}.`);
  }
  return new ByteSource(response.body ?? new Blob([]).stream(), { name, signal });
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

/**
 * Opens an audio file.
 *
 * @throws {AudioError} When it is not there, may not be read, or the server refuses it.
 */
export async function openSource(source: EncodedSource, options: OpenOptions = {}): Promise<ByteSource> {
  const { signal } = options;
  signal?.throwIfAborted();
  if (source === "-") return new ByteSource(Deno.stdin.readable, { name: "standard input", signal });
  if (typeof source === "string" && !URL_SCHEME.test(source)) return await openPath(source, signal);
  if (typeof source === "string" || source instanceof URL) {
    const url = typeof source === "string" ? parseAddress(source) : source;
    return url.protocol === "file:" ? await openPath(pathOfUrl(url), signal) : await openUrl(url, options);
  }
  const name = source instanceof File && source.name ? source.name : "the audio";
  if (source instanceof Blob) return new ByteSource(source.stream(), { name, signal });
  if (source instanceof ReadableStream) return new ByteSource(source, { name, signal });
  if (source instanceof Uint8Array) return new ByteSource(streamOf(source), { name, signal });
  if (source instanceof ArrayBuffer) {
    return new ByteSource(streamOf(new Uint8Array(source)), { name, signal });
  }
  throw new AudioError(
    `Cannot read audio from ${typeof source}, expected a path, URL, bytes, Blob, stream or Float32Array.`,
  );
}
