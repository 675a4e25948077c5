import { assert, assertEquals } from "@std/assert";
import { wavHeader } from "./support/server_speech.ts";
import { start } from "./support/server_start.ts";

const MEGABYTE = 1_000_000;

/** A form with an 8-channel WAV file of silence that is made while it is sent. */
function silentForm(dataBytes: number): ReadableStream<Uint8Array> {
  const text = new TextEncoder();
  const silence = new Uint8Array(65536);
  let left = dataBytes;
  return new ReadableStream({
    start: (controller) => {
      const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
      controller.enqueue(text.encode(head));
      controller.enqueue(wavHeader({ sampleRate: 192000, channels: 8, bits: 32, dataBytes }));
    },
    pull: (controller) => {
      const piece = silence.subarray(0, Math.min(left, silence.length));
      left -= piece.length;
      controller.enqueue(piece);
      if (left > 0) return;
      controller.enqueue(
        text.encode(
          '\r\n--b\r\nContent-Disposition: form-data; name="response_format"\r\n\r\nverbose_json\r\n--b--\r\n',
        ),
      );
      controller.close();
    },
  });
}

Deno.test("serve() decodes an upload while it comes: 250 MB cost less than 80 MB", async () => {
  await using server = await start();
  // What the first upload leaves compiled is not counted.
  const upload = async (bytes: number) => {
    const headers = { "content-type": "multipart/form-data; boundary=b" };
    const url = `${server.url}/v1/audio/transcriptions`;
    const response = await fetch(url, { method: "POST", body: silentForm(bytes), headers });
    return (await response.json()).duration;
  };
  await upload(5 * MEGABYTE);
  const before = Deno.memoryUsage().external;
  let most = 0;
  const watch = setInterval(() => most = Math.max(most, Deno.memoryUsage().external), 20);
  const duration = await upload(250 * MEGABYTE);
  clearInterval(watch);
  // 192,000 frames of 8 channels of 4 bytes a second.
  assertEquals(duration, Math.round(250e6 / (192000 * 32) * 1000) / 1000);
  assert(most - before < 80 * MEGABYTE, `${(most - before) / MEGABYTE} MB`);
});
