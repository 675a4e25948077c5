/**
 * Packs the module as JSR receives it: `deno publish` itself uploads it, to a local server that only keeps the bytes.
 *
 *     deno run -A scripts/pack.ts [--out DIR]     lists the files with their sizes, and unpacks them into DIR
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl, join } from "@std/path";
import { unpackTar } from "../lib/setup/untar.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** Most bytes that the package may have: the registry takes 20 MB. */
export const LIMIT_BYTES = 18e6;

/** A packed module. */
export interface PackedModule {
  /** Name and version of deno.json. */
  name: string;
  version: string;
  /** Bytes of the compressed archive. */
  archiveBytes: number;
  /** Size in bytes by path. */
  files: ReadonlyMap<string, number>;
}

/** Answers `deno publish` as a registry does, and keeps the upload. */
function receiver(keep: (archive: Uint8Array<ArrayBuffer>) => void): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url);
    const path = pathname.split("/").slice(1); // api scopes SCOPE packages NAME [versions VERSION]
    if (request.method === "POST") {
      keep(await request.bytes());
      return Response.json({
        id: "pack",
        status: "success",
        error: null,
        packageScope: path[2],
        packageName: path[4],
        packageVersion: path[6],
      });
    }
    if (path[5] === "versions") {
      return Response.json({ code: "packageVersionNotFound", message: "not there" }, { status: 404 });
    }
    return Response.json({ scope: path[2], name: path[4], versionCount: 0, latestVersion: null });
  };
}

async function publishTo(address: string): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--allow-dirty", "--no-check", "--no-provenance", "--token", "none"],
    cwd: ROOT,
    env: { JSR_URL: address, NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
  }).output();
  if (code !== 0) throw new Error(`deno publish failed:\n${new TextDecoder().decode(stderr)}`);
}

/** The archive that `deno publish` uploads: tar, gzip. */
export async function packedArchive(): Promise<Uint8Array<ArrayBuffer>> {
  let archive: Uint8Array<ArrayBuffer> | undefined;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    receiver((bytes) => archive = bytes),
  );
  await publishTo(`http://127.0.0.1:${server.addr.port}/`);
  if (archive === undefined) throw new Error("deno publish sent nothing");
  return archive;
}

/** Packs the module and unpacks it into a folder. */
export async function pack(directory: string): Promise<PackedModule> {
  const archive = await packedArchive();
  const tar = new Blob([archive]).stream().pipeThrough(new DecompressionStream("gzip"));
  const names = await unpackTar(tar, directory);
  const sizes = await Promise.all(names.map(async (name) => (await Deno.stat(join(directory, name))).size));
  const { name, version } = JSON.parse(await Deno.readTextFile(join(directory, "deno.json")));
  const files = new Map(
    names.map((name, i) => [name, sizes[i]!] as const).sort(([a], [b]) => a < b ? -1 : 1),
  );
  return { name, version, archiveBytes: archive.length, files };
}

/** One line for each folder with code, one for each other file, and the sum. */
export function listing({ name, version, archiveBytes, files }: PackedModule): string {
  const rows = new Map<string, { count: number; bytes: number }>();
  for (const [path, bytes] of files) {
    const key = path.startsWith("demo/") ? path : path.replace(/[^/]+\.ts$/, "*.ts");
    const row = rows.get(key) ?? { count: 0, bytes: 0 };
    rows.set(key, { count: row.count + 1, bytes: row.bytes + bytes });
  }
  const lines = [...rows].map(([key, { count, bytes }]) =>
    `${String(bytes).padStart(10)}  ${key}${count > 1 ? `  (${count} files)` : ""}`
  );
  const total = [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
  return `${lines.join("\n")}\n${String(total).padStart(10)}  ${name}@${version}: ${files.size} files, ` +
    `${archiveBytes} bytes compressed\n`;
}

if (import.meta.main) {
  const { out } = parseArgs(Deno.args, { string: ["out"] });
  const directory = out ?? await Deno.makeTempDir({ prefix: "qwen3-asr-pack-" });
  try {
    const packed = await pack(directory);
    console.log(listing(packed).trimEnd());
    const total = [...packed.files.values()].reduce((sum, bytes) => sum + bytes, 0);
    if (total > LIMIT_BYTES) throw new Error(`The package has ${total} bytes, more than ${LIMIT_BYTES}`);
  } finally {
    if (out === undefined) await Deno.remove(directory, { recursive: true });
  }
}
