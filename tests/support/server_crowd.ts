/**
 * A crowd of clients: some wait for their answer, others hang up early, send slowly, or send nonsense.
 *
 * @module
 */
import type { RunningServer } from "../../lib/server/mod.ts";
import { formOf, post, recording } from "./server_start.ts";

/** How a client behaves in a visit. */
export type Behaviour =
  | "plain"
  | "stream"
  | "verbose"
  | "slow"
  | "abort"
  | "abort stream"
  | "half"
  | "nonsense";

/** The result of a visit. */
export interface Visit {
  client: number;
  behaviour: Behaviour;
  file: string;
  /** Seconds until the answer was read. */
  seconds: number;
  /** Text of the answer; undefined when the client hung up. */
  text: string | undefined;
  status: number | undefined;
}

/** The mix: four of twelve do not wait for an answer or cannot get one. */
const MIX: readonly Behaviour[] = [
  "plain",
  "abort",
  "stream",
  "plain",
  "nonsense",
  "verbose",
  "slow",
  "abort stream",
  "plain",
  "stream",
  "half",
  "verbose",
];

/** The bytes of a form, so that they can be sent slowly or in part. */
async function bytesOf(form: FormData): Promise<{ bytes: Uint8Array<ArrayBuffer>; headers: HeadersInit }> {
  const response = new Response(form);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { bytes, headers: { "content-type": response.headers.get("content-type") ?? "" } };
}

function slowly(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull: async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      controller.enqueue(bytes.subarray(at, at += 16384));
      if (at >= bytes.length) controller.close();
    },
  });
}

function streamedText(body: string): string {
  const events = body.trim().split("\n\n").filter((event) => event.startsWith("data: "))
    .map((event) => JSON.parse(event.slice(6)));
  const deltas = events.filter(({ type }) => type === "transcript.text.delta").map(({ delta }) => delta).join(
    "",
  );
  const done = events.at(-1);
  if (done?.type !== "transcript.text.done") throw new Error(`The stream ended with ${JSON.stringify(done)}`);
  if (deltas !== done.text) throw new Error(`Deltas "${deltas}", text "${done.text}"`);
  return done.text;
}

/** Hangs up in the middle of the body. */
async function sendHalf(server: RunningServer, file: string): Promise<void> {
  const { bytes, headers } = await bytesOf(await formOf(file));
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const head = "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n" +
    `Content-Type: ${new Headers(headers).get("content-type")}\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head));
  await connection.write(bytes.subarray(0, bytes.length / 2));
}

async function leave(server: RunningServer, file: string, stream: boolean, afterMs: number): Promise<void> {
  const leaving = new AbortController();
  setTimeout(() => leaving.abort(), afterMs);
  try {
    const form = await formOf(file, { stream: String(stream) });
    await (await post(server, form, { signal: leaving.signal })).text();
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  }
}

async function answered(
  server: RunningServer,
  behaviour: Behaviour,
  file: string,
): Promise<[number, string]> {
  if (behaviour === "nonsense") {
    const body = new Blob([
      "--b\r\nContent-Disposition: form-data; name=",
      await Deno.readFile(recording(file)),
    ]);
    const response = await post(server, body, {
      headers: { "content-type": "multipart/form-data; boundary=b" },
    });
    return [response.status, (await response.json()).error.code];
  }
  if (behaviour === "slow") {
    const { bytes, headers } = await bytesOf(await formOf(file, { response_format: "text" }));
    const response = await post(server, slowly(bytes), { headers });
    return [response.status, (await response.text()).trimEnd()];
  }
  if (behaviour === "stream") {
    const response = await post(server, await formOf(file, { stream: "true" }));
    return [response.status, streamedText(await response.text())];
  }
  const response_format = behaviour === "verbose" ? "verbose_json" : "json";
  const response = await post(server, await formOf(file, { response_format }));
  return [response.status, (await response.json()).text];
}

async function visit(server: RunningServer, client: number, count: number, file: string): Promise<Visit> {
  const behaviour = MIX[count % MIX.length]!;
  const start = performance.now();
  const done = (status?: number, text?: string): Visit => {
    return { client, behaviour, file, seconds: (performance.now() - start) / 1000, text, status };
  };
  if (behaviour === "half") {
    await sendHalf(server, file);
    return done();
  }
  if (behaviour === "abort" || behaviour === "abort stream") {
    await leave(server, file, behaviour === "abort stream", 3 + (count * 7) % 60);
    return done();
  }
  return done(...await answered(server, behaviour, file));
}

/** Clients that run in parallel, each sending one request after the other; visits in the order of their ends. */
export async function crowd(
  server: RunningServer,
  options: { clients: number; requests: number; files: readonly string[] },
): Promise<Visit[]> {
  const { clients, requests, files } = options;
  const visits: Visit[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    for (let count = next++; count < requests; count = next++) {
      visits.push(await visit(server, client, count, files[(count * 7) % files.length]!));
    }
  }));
  return visits;
}
