import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { ByteSource } from "../lib/audio/byte_source.ts";
import { decodeFfmpegBlocks, spawnFfmpeg } from "../lib/audio/decode_ffmpeg.ts";
import { loadAudio } from "../lib/audio/load.ts";
import { bytesKept } from "../lib/audio/samples.ts";
import { ffmpeg, inFolder } from "./support/audio_signals.ts";

const LIMIT = 2_000_000;
const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** Ten minutes of silence in a file. */
async function silence(path: string, ...options: string[]): Promise<void> {
  await ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "600", ...options, path);
}

Deno.test("loadAudio() asks for memory before it takes it, in every format", async () => {
  await inFolder(async (folder) => {
    const files: [file: string, decoder: "auto" | "wasm", options?: string[]][] = [
      ["a.wav", "auto", ["-c:a", "pcm_u8", "-ar", "1000"]],
      ["a.flac", "auto"],
      ["a.flac", "wasm"],
      ["a.mp3", "auto", ["-b:a", "8k"]],
      ["a.mp3", "wasm"],
      ["a.opus", "auto"],
      ["a.opus", "wasm"],
      ["a.m4a", "auto"],
    ];
    for (const [file, decoder, options] of files) {
      const path = join(folder, file);
      if (decoder === "auto") await silence(path, ...options ?? []);
      let taken = 0;
      const full = new Error("full");
      const reserve = (bytes: number) => {
        if (bytes > 0 && taken + bytes > LIMIT) throw full;
        taken += bytes;
      };
      const error = await assertRejects(() => loadAudio(path, { decoder, reserve }), Error);
      assert(error === full, `${file}: ${error}`);
      assert(taken > 0 && taken <= LIMIT, `${file}: ${taken} bytes`);
    }
  });
});

Deno.test("loadAudio() asks for as much memory as it keeps, and gives back what it used on the way", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.mp3");
    await silence(path);
    for (const decoder of ["auto", "wasm"] as const) {
      let taken = 0, most = 0;
      const reserve = (bytes: number) => most = Math.max(most, taken += bytes);
      const { samples } = await loadAudio(path, { decoder, reserve });
      assertEquals(taken, bytesKept(samples.length));
      const { size } = await Deno.stat(path);
      assertEquals(most, decoder === "wasm" ? taken + 2 * size : taken);
    }
  });
  // Two minutes in 32 bits, the rest in 16, but for a block that is not full.
  assertEquals([1, 65536, 65537].map(bytesKept), [262144, 262144, 524288]);
  assertEquals(bytesKept(3600 * 16000), 31 * 262144 + 848 * 131072);
});

Deno.test("decodeFfmpegBlocks() ends ffmpeg at an abort, though nobody asks for a block", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.flac");
    await silence(path);
    const { readable } = await Deno.open(path);
    const source = new ByteSource(readable, { name: path, path });
    const input = { source, path, container: "flac" };
    const child = spawnFfmpeg(input, "ffmpeg")!;
    const controller = new AbortController();
    const blocks = decodeFfmpegBlocks(child, input, { warnings: [], signal: controller.signal });
    await blocks.next();
    controller.abort(new Error("enough"));
    assertEquals((await child.status).signal, "SIGKILL");
    await assertRejects(() => blocks.next(), Error, "enough");
    source.cancel();
  });
});

Deno.test("loadAudio() ends a decoder that ignores SIGTERM and says nothing", async () => {
  await inFolder(async (folder) => {
    const [command, pidFile] = [join(folder, "ffmpeg"), join(folder, "pid")];
    await Deno.writeTextFile(command, `#!/bin/sh\ntrap '' TERM\necho $$ > ${pidFile}\nexec sleep 1000\n`);
    await Deno.chmod(command, 0o755);
    const controller = new AbortController();
    const loading = loadAudio(new TextEncoder().encode("fLaC"), {
      ffmpegPath: command,
      signal: controller.signal,
    });
    loading.catch(() => {});
    let pid = "";
    while (!pid.endsWith("\n")) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      pid = await Deno.readTextFile(pidFile).catch(() => "");
    }
    controller.abort(new Error("enough"));
    await assertRejects(() => loading, Error, "enough");
    const { success } = await new Deno.Command("kill", { args: ["-0", pid.trim()], stderr: "null" }).output();
    assert(!success, `${pid} is still there`);
  });
});

/** A process that reads an MP4 which never ends, and has its beginning in a temporary file. */
function stalled(folder: string): Deno.ChildProcess {
  const script = `import { loadAudio } from ${JSON.stringify(new URL("../mod.ts", import.meta.url).href)};
    const start = "\\0\\0\\0\\x10ftypM4A \\0\\0\\0\\0\\0\\x10\\0\\0mdat";
    const bytes = Uint8Array.from([...start, ..."x".repeat(100000)], (letter) => letter.charCodeAt(0));
    setInterval(() => {}, 1000);
    await loadAudio(new ReadableStream({ start: (controller) => controller.enqueue(bytes) }));`;
  const args = ["eval", "--no-check", script];
  return new Deno.Command(Deno.execPath(), { args, env: { TMPDIR: folder }, stderr: "null" }).spawn();
}

async function spooled(folder: string, count: number): Promise<string[]> {
  for (;;) {
    const found: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const file = join(folder, name, "recording");
      if (isDirectory && (await Deno.stat(file).catch(() => ({ size: 0 }))).size > 50_000) found.push(name);
    }
    if (found.length === count) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("Qwen3ASR.load() removes the temporary files of a killed process, and of no other", async () => {
  await inFolder(async (folder) => {
    const killed = stalled(folder);
    const [left = ""] = await spooled(folder, 1);
    // Before the first is killed, or it would be the second that removes what that left.
    const alive = stalled(folder);
    const kept = (await spooled(folder, 2)).filter((name) => name !== left);
    killed.kill("SIGKILL");
    await killed.status;
    const old = new Date(Date.now() - 5000);
    for (const name of [left, ...kept]) await Deno.utime(join(folder, name, "lock"), old, old);
    await Deno.mkdir(join(folder, "qwen3-asr-files-of-somebody"));
    const script = `import { Qwen3ASR } from "./mod.ts"; (await Qwen3ASR.load("demo")).close?.();`;
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", script],
      cwd: ROOT,
      env: { TMPDIR: folder },
    }).output();
    assert(success);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    assertEquals(names.sort(), [...kept, "qwen3-asr-files-of-somebody"].sort());
    alive.kill("SIGKILL");
    await alive.status;
  });
});

const canMount =
  (await new Deno.Command("unshare", { args: ["-rm", "true"], stderr: "null" }).output().catch(() =>
    undefined
  ))
    ?.success === true;

Deno.test({
  name: "a full disk is an AudioError with a code, and 503 from a server, and leaves nothing behind",
  ignore: !canMount,
  fn: async () => {
    await inFolder(async (folder) => {
      const script = `import { loadAudio } from "./mod.ts";
        import { createHandler } from "./lib/server/mod.ts";
        const start = "\\0\\0\\0\\x10ftypM4A \\0\\0\\0\\0\\0\\x10\\0\\0mdat";
        const bytes = Uint8Array.from([...start, ..."x".repeat(500000)], (letter) => letter.charCodeAt(0));
        await loadAudio(bytes).catch((error) => console.log(error.name + " " + error.code + ": " + error.message));
        const handler = createHandler(() => new Promise(() => {}));
        const form = new FormData();
        form.append("file", new File([bytes], "a.m4a"));
        const request = new Request("http://localhost/v1/audio/transcriptions", { method: "POST", body: form });
        const response = await handler(request);
        console.log(response.status, response.headers.has("retry-after"), (await response.json()).error.code);
        console.log([...Deno.readDirSync(Deno.env.get("TMPDIR"))].length);
        Deno.exit(0);`;
      const mount =
        `mount -t tmpfs -o size=128k none ${folder} && exec ${Deno.execPath()} eval --no-check "$0"`;
      const { stdout } = await new Deno.Command("unshare", {
        args: ["-rm", "sh", "-c", mount, script],
        cwd: ROOT,
        env: { TMPDIR: folder },
      }).output();
      const [error = "", ...rest] = new TextDecoder().decode(stdout).trim().split("\n");
      assertMatch(
        error,
        /^AudioError disk-full: Cannot read the audio: the disk has no room for the temporary file/,
      );
      assertEquals(rest, ["503 true disk_full", "0"]);
    });
  },
});
