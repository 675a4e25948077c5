/**
 * Clients that mean no good, and one that does. All speak to 127.0.0.1, and all end with their signal.
 *
 * @module
 */
import { recording } from "../../tests/support/server_start.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const PATH = "/v1/audio/transcriptions";
const BOUNDARY = "b";

/** What became of a request. */
export interface Outcome {
  /** The status, or "cut" when the signal ended it, or "lost" when the server did. */
  status: string;
  text: string;
}

/** A form with parameters and a file. */
export function formBytes(file: Bytes, parameters: Readonly<Record<string, string>> = {}): Blob {
  const part = (head: string) => `--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`;
  const fields = Object.entries(parameters).map(([name, value]) => part(`name="${name}"`) + value + "\r\n");
  return new Blob([...fields, part('name="file"; filename="a"'), file, `\r\n--${BOUNDARY}--\r\n`]);
}

/** The same with headers, as it goes over the wire. */
export async function requestBytes(
  file: Bytes,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Bytes> {
  const form = formBytes(file, parameters);
  const head = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\n` +
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\nContent-Length: ${form.size}\r\n\r\n`;
  return new Uint8Array(await new Blob([head, form]).arrayBuffer());
}

async function ask(url: string, init: RequestInit, signal: AbortSignal): Promise<Outcome> {
  try {
    const response = await fetch(`${url}${PATH}`, { method: "POST", signal, ...init });
    return { status: String(response.status), text: await response.text() };
  } catch {
    return { status: signal.aborted ? "cut" : "lost", text: "" };
  }
}

/** Sends a file and waits for the answer. */
export async function upload(
  url: string,
  file: Bytes,
  signal: AbortSignal,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
  return await ask(url, { body: formBytes(file, parameters), headers }, signal);
}

/** Sends a JSON body and waits for the answer. */
export async function sendJSON(url: string, value: unknown, signal: AbortSignal): Promise<Outcome> {
  return await ask(
    url,
    { body: JSON.stringify(value), headers: { "content-type": "application/json" } },
    signal,
  );
}

/** A client like any other. */
export async function honest(url: string, signal: AbortSignal): Promise<Outcome> {
  return await upload(url, await Deno.readFile(recording("dev-01-en.wav")), signal);
}

/** Sends what it has until it hangs up, whether or not all has been taken. */
export async function sendAndHangUp(port: number, request: Bytes, afterMs: number): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const sending = (async () => {
    for (let at = 0; at < request.length;) at += await connection.write(request.subarray(at));
  })().catch(() => {});
  await pause(afterMs);
  connection.close();
  await sending;
}

/** Sends the beginning of a body at once and the rest byte by byte, until the signal or the server ends it. */
export async function drip(
  port: number,
  request: Bytes,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    let at = await connection.write(request.subarray(0, 400));
    for (; !signal.aborted && at < request.length; at++) {
      await connection.write(request.subarray(at, at + 1));
      await pause(everyMs);
    }
  } catch {
    // The server has hung up.
  } finally {
    connection.close();
  }
}

/** A client that asks and never reads; it holds its connection until it is disposed. Linux only. */
export class DeafClient implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  /** @param requestPath File with the request. */
  constructor(port: number, requestPath: string) {
    const script = new URL("./deaf_client.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, String(port), requestPath],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#child.stdin.close().catch(() => {});
    await this.#child.status;
  }
}

/** Waits. */
export async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** `200 x3, 429 x31`. */
export function tally(outcomes: readonly Outcome[]): string {
  const groups = Map.groupBy(outcomes, ({ status }) => status);
  return [...groups].sort().map(([status, all]) => all.length > 1 ? `${status} x${all.length}` : status).join(
    ", ",
  );
}
