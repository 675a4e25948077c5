/**
 * Writes lib/hub/packaged_files.ts: size and SHA-256 of every data file of the published package that must be on the disk
 * to be used. `--check` only compares.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
const TABLE = join(ROOT, "lib", "hub", "packaged_files.ts");

/** Folders with such files. */
const FOLDERS = ["demo/aligner", "demo/model", "lib/vad/weights"];

/** Such files of a folder that has others: the recipe of the native library. */
const FILES = [
  "scripts/build_mlx_c.sh",
  "scripts/cpu_kernels.sh",
  "scripts/lib.sh",
  "scripts/mlx-c-source.tar.gz",
  "scripts/own_functions.sh",
  "scripts/own_passes.sh",
  "scripts/pass_kernels.sh",
  "scripts/processors.sh",
];

/** The source of lib/hub/packaged_files.ts for the files as they are now. */
export async function packagedFilesTable(): Promise<string> {
  const paths: string[] = [];
  for (const folder of FOLDERS) {
    const names = (await Array.fromAsync(Deno.readDir(join(ROOT, folder)))).map(({ name }) => name).sort();
    paths.push(...names.map((name) => `${folder}/${name}`));
  }
  const rows: string[] = [];
  for (const path of [...paths, ...FILES]) {
    const bytes = await Deno.readFile(join(ROOT, path));
    const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    rows.push(`  "${path}": {\n    sizeBytes: ${bytes.length},\n    sha256: "${sha256}",\n  },\n`);
  }
  return `/**
 * Data files of this package: made by scripts/packaged_files.ts, held to the files by a test.
 *
 * @module
 */

/** Size and SHA-256 by path in the package. */
export const PACKAGED_FILES: Readonly<Record<string, { sizeBytes: number; sha256: string }>> = {
${rows.join("")}};
`;
}

if (import.meta.main) {
  const table = await packagedFilesTable();
  if (Deno.args.includes("--check")) {
    if (await Deno.readTextFile(TABLE) !== table) {
      console.error("lib/hub/packaged_files.ts is not up to date: deno run -A scripts/packaged_files.ts");
      Deno.exit(1);
    }
  } else await Deno.writeTextFile(TABLE, table);
}
