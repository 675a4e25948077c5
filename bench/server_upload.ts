/**
 * What a large upload costs: the growth of the server process's resident memory, and time.
 *
 *   deno run -A bench/server_upload.ts [--megabytes 500] [--rate 48000] [--channels 2] [--bits 32]
 *
 * The server runs in a process of its own and decodes five minutes first, so that the memory of a full batch is not counted
 * as the upload's. The recording is a WAV file of faint noise that is generated while it is sent.
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { wavHeader } from "../tests/support/server_speech.ts";
import { ServerProcess } from "./server_process.ts";

const args = parseArgs(Deno.args, { string: ["megabytes", "rate", "channels", "bits"] });
const dataBytes = Number(args.megabytes ?? 500) * 1e6;
const sampleRate = Number(args.rate ?? 48000);
const channels = Number(args.channels ?? 2);
const bits = args.bits === "16" ? 16 : 32;

/** A form with a WAV file. */
function upload(
  format: { sampleRate: number; channels: number; bits: 16 | 32; dataBytes: number },
): ReadableStream<
  Uint8Array
> {
  const text = new TextEncoder();
  const noise = new Uint8Array(65536);
  if (format.bits === 32) {
    new Float32Array(noise.buffer).forEach((_, i, all) => all[i] = 1e-4 * Math.sin(i * i));
  } else new Int16Array(noise.buffer).forEach((_, i, all) => all[i] = 4 * Math.sin(i * i));
  let left = format.dataBytes;
  return new ReadableStream({
    start: (controller) => {
      const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
      // All of it is decoded, though nobody speaks.
      controller.enqueue(text.encode('--b\r\nContent-Disposition: form-data; name="vad"\r\n\r\noff\r\n'));
      controller.enqueue(text.encode(head));
      controller.enqueue(wavHeader(format));
    },
    pull: (controller) => {
      const piece = noise.subarray(0, Math.min(left, noise.length));
      left -= piece.length;
      controller.enqueue(piece);
      if (left > 0) return;
      controller.enqueue(text.encode("\r\n--b--\r\n"));
      controller.close();
    },
  });
}

await using server = await ServerProcess.start();
const { url } = server;
const ask = async (format: Parameters<typeof upload>[0]) => {
  const headers = { "content-type": "multipart/form-data; boundary=b" };
  const response = await fetch(`${url}/v1/audio/transcriptions`, {
    method: "POST",
    body: upload(format),
    headers,
  });
  return await response.text();
};
await ask({ sampleRate: 16_000, channels: 1, bits: 16, dataBytes: 300 * 32_000 });
const before = await server.memory();
const start = performance.now();
const answer = await ask({ sampleRate, channels, bits, dataBytes });
const after = await server.memory();
const seconds = dataBytes / (sampleRate * channels * bits / 8);
console.log(answer.slice(0, 200));
console.log(
  `${dataBytes / 1e6} MB, ${seconds.toFixed(0)} s of sound, ${
    ((performance.now() - start) / 1000).toFixed(1)
  } s; ` +
    `resident before ${(before.now / 1e6).toFixed(0)} MB (peak ${(before.peak / 1e6).toFixed(0)}), ` +
    `peak ${(after.peak / 1e6).toFixed(0)} MB: ${((after.peak - before.now) / 1e6).toFixed(0)} MB above`,
);
await server.terminate(60);
