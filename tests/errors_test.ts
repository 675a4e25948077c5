import { assertEquals, assertInstanceOf } from "@std/assert";
import { join } from "@std/path";
import {
  AudioError,
  DownloadError,
  type ErrorCode,
  ModelError,
  OptionError,
  Qwen3ASRError,
} from "../lib/errors.ts";
import { loadAudio } from "../lib/audio/load.ts";
import { downloadModel, resolveModel } from "../lib/hub/mod.ts";
import { Qwen3ASR } from "../lib/qwen3_asr.ts";
import { FakeHub } from "./support/hub_server.ts";

const ONE_SECOND = new Float32Array(16_000);

/** The class and the code of what an action fails with. */
async function failure(action: () => Promise<unknown>): Promise<[new (message: string) => Error, ErrorCode]> {
  try {
    await action();
  } catch (error) {
    assertInstanceOf(error, Qwen3ASRError);
    const kinds = [AudioError, ModelError, OptionError, DownloadError];
    return [kinds.find((kind) => error instanceof kind)!, error.code];
  }
  throw new Error("nothing failed");
}

Deno.test("what is wrong with a recording has a code of its own where a caller would do something else", async () => {
  const read = (...args: Parameters<typeof loadAudio>) => failure(() => loadAudio(...args));
  assertEquals(await read("nowhere.wav"), [AudioError, "audio-not-found"]);
  assertEquals(await read(new Uint8Array(0)), [AudioError, "audio-unreadable"]);
  assertEquals(await read(ONE_SECOND, { maxDurationSeconds: 0.5 }), [AudioError, "audio-too-long"]);
  const noFfmpeg = { ffmpegPath: "no-such-ffmpeg" };
  assertEquals(await read(new TextEncoder().encode("fLaC"), noFfmpeg), [AudioError, "decoder-missing"]);
  assertEquals(await read(ONE_SECOND, { maxDurationSeconds: 0 }), [OptionError, "option-unusable"]);
});

Deno.test("a model that can be had is told from a folder that is none", async () => {
  const cacheDirectory = await Deno.makeTempDir();
  const options = { cacheDirectory, environment: () => undefined };
  const wanted = await failure(() => resolveModel("Qwen/Qwen3-ASR-0.6B", options));
  assertEquals(wanted, [ModelError, "model-not-found"]);
  const folder = await failure(() => Qwen3ASR.load(cacheDirectory, { download: true }));
  assertEquals(folder, [ModelError, "model-unusable"]);
  const nowhere = await failure(() => Qwen3ASR.load(join(cacheDirectory, "none"), { download: true }));
  assertEquals(nowhere, [ModelError, "model-unusable"]);
  await Deno.remove(cacheDirectory);
});

Deno.test("a download says whether network, rights or room are missing", async () => {
  await using hub = await FakeHub.start();
  const cacheDirectory = await Deno.makeTempDir();
  const get = (options: Parameters<typeof downloadModel>[1]) =>
    failure(() =>
      downloadModel(hub.repository, { cacheDirectory, endpoint: hub.endpoint, retries: 0, ...options })
    );
  assertEquals(await get({ offline: true }), [DownloadError, "offline"]);
  assertEquals(await get({ freeBytes: () => Promise.resolve(1) }), [DownloadError, "disk-full"]);
  for (
    const [status, code] of [[401, "access-denied"], [403, "access-denied"], [
      404,
      "download-failed",
    ]] as const
  ) {
    const fetch = () => Promise.resolve(new Response(null, { status }));
    assertEquals(await get({ fetch }), [DownloadError, code]);
  }
  await Deno.remove(cacheDirectory, { recursive: true });
});

Deno.test("a call after dispose(), and an unknown language", async () => {
  const asr = await Qwen3ASR.load("demo");
  const language = await failure(() => asr.transcribe(ONE_SECOND, { language: "Klingon" }));
  assertEquals(language, [OptionError, "language-unknown"]);
  await asr.close();
  assertEquals(await failure(() => asr.transcribe(ONE_SECOND)), [ModelError, "model-closed"]);
});
