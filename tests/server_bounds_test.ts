import { assertEquals, assertMatch } from "@std/assert";
import { AudioError } from "../mod.ts";
import { refusalOf } from "../lib/server/http_error.ts";
import { wavHeader } from "./support/server_speech.ts";
import { formOf, post, start } from "./support/server_start.ts";

/** Sends nearly all of a minute, and then nothing; gives the answer, should one come. */
async function stalledUpload(connection: Deno.TcpConn): Promise<string> {
  const dataBytes = 60 * 32_000;
  const head = "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n" +
    "Content-Type: multipart/form-data; boundary=b\r\n\r\n" +
    '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
  const parts = [
    new TextEncoder().encode(head),
    wavHeader({ sampleRate: 16000, channels: 1, bits: 16, dataBytes }),
    new Uint8Array(dataBytes - 64_000),
  ];
  for (const part of parts) {
    for (let at = 0; at < part.length;) at += await connection.write(part.subarray(at));
  }
  const answer = new Uint8Array(4096);
  return new TextDecoder().decode(answer.subarray(0, await connection.read(answer) ?? 0));
}

Deno.test("serve() refuses a recording while it is decoded when others take the memory", async () => {
  // Room for three recordings of a minute, in 32 bits as all short ones are.
  await using server = await start({ maxDurationSeconds: 60, bodyIdleSeconds: 20 });
  const connections = await Promise.all(
    Array.from({ length: 4 }, () => Deno.connect({ hostname: "127.0.0.1", port: server.port })),
  );
  const uploads = connections.map((connection) => stalledUpload(connection).catch(() => ""));
  const answer = await Promise.race(uploads);
  assertMatch(answer, /^HTTP\/1.1 429 [^]*"code":"queue_full"/);
  assertMatch(answer, /retry-after: \d+/i);
  for (const connection of connections) connection.close();
  await Promise.all(uploads);
  // What the three held is given back.
  for (let status = 429; status !== 200;) {
    const response = await post(server, await formOf("dev-01-en.wav"));
    status = response.status;
    await response.body?.cancel();
    if (status !== 200) assertEquals(status, 429);
  }
});

Deno.test("refusalOf() asks clients to come again when the disk is full", () => {
  const { status, details } = refusalOf(new AudioError("The disk has no room.", { code: "disk-full" }));
  assertEquals([status, details.code, details.retryAfterSeconds], [503, "disk_full", 60]);
});
