/**
 * Archives that are damaged, or that reach for other people's files.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { DownloadError } from "../lib/errors.ts";
import { unpackTar } from "../lib/setup/untar.ts";
import { Folder } from "./support/cli_process.ts";

async function tar(folder: Folder, ...names: string[]): Promise<Uint8Array<ArrayBuffer>> {
  const args = ["--format=ustar", "-cf", "-", "-P", "-C", folder.path, ...names];
  const { success, stdout } = await new Deno.Command("tar", { args }).output();
  if (!success) throw new Error("tar failed");
  return new Uint8Array(stdout);
}

function streamOf(bytes: Uint8Array<ArrayBuffer>, blockBytes = 700): ReadableStream<Uint8Array> {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += blockBytes) blocks.push(bytes.subarray(at, at + blockBytes));
  return ReadableStream.from(blocks);
}

Deno.test("unpackTar() gives back files, modes and long paths of the system's tar", async () => {
  await using from = await Folder.make();
  await using to = await Folder.make();
  const deep = `${"d".repeat(60)}/${"e".repeat(60)}`;
  await Deno.mkdir(from.at(deep), { recursive: true });
  await from.put(`${deep}/file`, "x".repeat(513));
  await from.put("empty", "");
  await from.put("program", "#!/bin/sh\n");
  await Deno.chmod(from.at("program"), 0o755);
  const files = await unpackTar(streamOf(await tar(from, "empty", "program", deep)), to.path);
  assertEquals(files, ["empty", "program", `${deep}/file`]);
  assertEquals(await Deno.readTextFile(to.at(deep, "file")), "x".repeat(513));
  assertEquals((await Deno.stat(to.at("empty"))).size, 0);
  assertEquals((await Deno.stat(to.at("program"))).mode! & 0o777, 0o755);
});

Deno.test("unpackTar() refuses paths that lead out of the folder, and links", async () => {
  await using from = await Folder.make();
  await using to = await Folder.make();
  await Deno.mkdir(from.at("in"));
  await from.put("secret", "s");
  await using inner = await Folder.make();
  await inner.put("x", "x");
  const up = await tar(from, "in/../secret");
  await assertRejects(() => unpackTar(streamOf(up), to.path), DownloadError, "in/../secret");
  const absolute = await tar(from, from.at("secret"));
  await assertRejects(() => unpackTar(streamOf(absolute), to.path), DownloadError, "outside of its folder");
  await Deno.symlink("/etc", from.at("link"));
  const link = await tar(from, "link");
  await assertRejects(
    () => unpackTar(streamOf(link), to.path),
    DownloadError,
    "link is neither file nor folder",
  );
  assertEquals(await Array.fromAsync(Deno.readDir(to.path)), []);
});

Deno.test("unpackTar() refuses an archive that is cut short or damaged", async () => {
  await using from = await Folder.make();
  await using to = await Folder.make();
  await from.put("file", "x".repeat(5000));
  const archive = await tar(from, "file");
  await assertRejects(
    () => unpackTar(streamOf(archive.slice(0, 3000)), to.at("a")),
    DownloadError,
    "ends in the middle of a file",
  );
  const damaged = archive.slice();
  damaged[3] = 65;
  await assertRejects(() => unpackTar(streamOf(damaged), to.at("b")), DownloadError, "wrong check sum");
});
