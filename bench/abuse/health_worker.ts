/**
 * Asks `/health` over and over, on a new connection each time, in a thread of its own: what the clients of a case do
 * must not count as the server's delay.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

const PAUSE_MS = 50;
/** A connection without an answer is given up and tried anew; the time counts on. */
const PATIENCE_MS = 3_000;

let port = 0;
let worst = 0;
let began: number | undefined;

async function askOnce(): Promise<boolean> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const timer = setTimeout(() => connection.close(), PATIENCE_MS);
  try {
    await connection.write(
      new TextEncoder().encode("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    );
    return (await connection.read(new Uint8Array(1024)) ?? 0) > 0;
  } finally {
    clearTimeout(timer);
    try {
      connection.close();
    } catch {
      // The timer was first.
    }
  }
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function watch(): Promise<void> {
  for (;;) {
    began = performance.now();
    while (!await askOnce().catch(() => false)) await pause(PAUSE_MS);
    worst = Math.max(worst, performance.now() - began);
    began = undefined;
    await pause(PAUSE_MS);
  }
}

self.onmessage = ({ data }: MessageEvent<{ port?: number }>) => {
  if (data.port !== undefined) {
    port = data.port;
    void watch();
  } else self.postMessage(Math.max(worst, began === undefined ? 0 : performance.now() - began) / 1000);
};
