/**
 * Writes lib/setup/bundles.ts from the checksums of a release: `deno run -A scripts/bundle_table.ts URL FOLDER`, where
 * FOLDER has what scripts/bundle_mlx_c.sh made, and the release's files can be fetched below URL.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import type { Bundle, BundlePart } from "../lib/setup/bundle.ts";

const TABLE = fromFileUrl(new URL("../lib/setup/bundles.ts", import.meta.url));

/** Reads one line of a checksum file, as sha256sum writes it, and takes the size of the file that it names. */
async function readPart(folder: string, line: string): Promise<BundlePart> {
  const [, sha256, file] = /^([0-9a-f]{64}) [ *]([\w.-]+)$/.exec(line) ?? [];
  if (sha256 === undefined || file === undefined) {
    throw new SyntaxError(`Cannot read "${line}": no sum and name`);
  }
  return { file, sizeBytes: (await Deno.stat(join(folder, file))).size, sha256 };
}

/** The bundles in a folder, with their checksums. */
export async function readBundles(folder: string): Promise<Bundle[]> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  return await Promise.all(
    names.filter((name) => name.endsWith(".sha256")).sort().map(async (name) => {
      const lines = (await Deno.readTextFile(join(folder, name))).trimEnd().split("\n");
      const parts = await Promise.all(lines.map((line) => readPart(folder, line)));
      return { name: name.replace(/\.sha256$/, ""), parts };
    }),
  );
}

/** The source of lib/setup/bundles.ts. */
export function bundleTable(releaseUrl: string, bundles: readonly Bundle[]): string {
  return `/**
 * The prebuilt native libraries of this version: written by scripts/bundle_table.ts when they are released, so that their
 * sums are pinned in the source.
 *
 * @module
 */
import type { Bundle } from "./bundle.ts";

/** Where the files of the release are; \`QWEN3_ASR_RELEASE_URL\` names a mirror. */
export const RELEASE_URL = ${JSON.stringify(releaseUrl)};

/** One for each platform and backend. */
export const BUNDLES: readonly Bundle[] = ${JSON.stringify(bundles, null, 2)};
`;
}

if (import.meta.main) {
  const [url, folder] = Deno.args;
  if (url === undefined || folder === undefined || !URL.canParse(url)) {
    console.error("Usage: deno run -A scripts/bundle_table.ts URL FOLDER");
    Deno.exit(2);
  }
  await Deno.writeTextFile(TABLE, bundleTable(url, await readBundles(folder)));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", TABLE] }).output();
}
