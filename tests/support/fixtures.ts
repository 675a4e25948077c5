/**
 * The reference numbers of the official code, unpacked once into `.cache/`.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { brotliDecompressSync } from "node:zlib";

const ARCHIVES = fromFileUrl(new URL("../fixtures/", import.meta.url));
const CACHE = fromFileUrl(new URL("../../.cache/fixtures/", import.meta.url));
const BLOCK = 512;

interface TarEntry {
  path: string;
  isFolder: boolean;
  data: Uint8Array;
}

/** Entries of a ustar archive with names of at most 100 characters. */
function* readTar(tar: Uint8Array): Generator<TarEntry> {
  const text = (at: number, length: number) =>
    new TextDecoder().decode(tar.subarray(at, at + length)).replace(/\0[^]*$/, "").trim();
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const isFolder = text(at + 156, 1) === "5";
    yield { path: text(at, 100), isFolder, data: tar.subarray(at + BLOCK, at + BLOCK + size) };
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
}

async function unpack(name: string): Promise<void> {
  const packed = await Deno.readFile(join(ARCHIVES, `${name}.tar.br`));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", packed)).slice(0, 8).toHex();
  const stamp = join(CACHE, `.${name}-${digest}`);
  if (await Deno.stat(stamp).then(() => true, () => false)) return;
  await Deno.mkdir(CACHE, { recursive: true });
  const staging = await Deno.makeTempDir({ dir: CACHE, prefix: `.unpack-${name}-` });
  for (const { path, isFolder, data } of readTar(brotliDecompressSync(packed))) {
    if (isFolder) await Deno.mkdir(join(staging, path), { recursive: true });
    else await Deno.writeFile(join(staging, path), data);
  }
  const place = join(CACHE, name);
  await Deno.remove(place, { recursive: true }).catch(() => {});
  // Another test process may have put the same files there in the meantime; both copies are equal.
  await Deno.rename(join(staging, name), place).catch(async (error) => {
    if (!await Deno.stat(place).then(() => true, () => false)) throw error;
  });
  await Deno.remove(staging, { recursive: true });
  await Deno.writeTextFile(stamp, "");
}

let ready: Promise<string> | undefined;

/** Folder with `aligned/`, `audio/`, `cases/`, `models/`, `vad/` and `wav/` (see tests/fixtures/README.md). */
export function fixtures(): Promise<string> {
  ready ??= (async () => {
    for (const name of ["aligned", "audio", "cases", "models", "vad", "wav"]) await unpack(name);
    return CACHE.replace(/\/$/, "");
  })();
  return ready;
}

if (import.meta.main) console.log(await fixtures());
