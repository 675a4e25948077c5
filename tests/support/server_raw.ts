/**
 * Clients that speak HTTP byte by byte, as no library would, and what a server says of itself without a connection.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { RunningServer } from "../../lib/server/mod.ts";

/** A connection to a server on this machine. */
export async function connect(server: { port: number }): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname: "127.0.0.1", port: server.port });
}

/** Writes all of a text or of bytes. */
export async function write(connection: Deno.Conn, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Reads until an answer is whole, or the server hangs up; `100 Continue` is left out. */
export async function readAnswer(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65536);
  let answer = "";
  for (let count; (count = await connection.read(buffer)) !== null;) {
    answer = (answer + decoder.decode(buffer.subarray(0, count), { stream: true }))
      .replace(/^(HTTP\/1\.1 100 Continue\r\n\r\n)+/, "");
    const [head = "", ...body] = answer.split("\r\n\r\n");
    const length = /^content-length: (\d+)/im.exec(head)?.[1];
    if (length !== undefined && body.join("\r\n\r\n").length >= Number(length)) break;
  }
  return answer;
}

/** Asks with a text as it stands. */
export async function ask(server: { port: number }, text: string): Promise<string> {
  using connection = await connect(server);
  await write(connection, text);
  return await readAnswer(connection);
}

/** The head of a request for a transcription, with a form as its body. */
export function formHead(contentLength: number | string): string {
  return "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n" +
    `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: ${contentLength}\r\n\r\n`;
}

/** The body of a form with parameters and a file. */
export function formBody(file: Uint8Array, parameters: Record<string, string> = {}): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder();
  const fields = Object.entries(parameters).map(([name, value]) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  ).join("");
  const begin = text.encode(
    `${fields}--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n`,
  );
  const end = text.encode("\r\n--b--\r\n");
  const body = new Uint8Array(begin.length + file.length + end.length);
  body.set(begin);
  body.set(file, begin.length);
  body.set(end, begin.length + file.length);
  return body;
}

/** Requests that run and that are read or wait, asked without a connection: a busy server takes its time to give one. */
export async function places(server: RunningServer): Promise<{ running: number; waiting: number }> {
  const response = await server.handler(new Request(`${server.url}/metrics`));
  assertEquals(response.status, 200);
  const text = await response.text();
  const gauge = (name: string) => Number(new RegExp(`^qwen3_asr_queue_${name} (\\S+)$`, "m").exec(text)?.[1]);
  return { running: gauge("running"), waiting: gauge("waiting") };
}

/** Waits for what takes a moment where it works, and for ever where it does not. */
export async function soon(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`Ten seconds later: not ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
