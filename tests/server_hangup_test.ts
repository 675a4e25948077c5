import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Fetch, listen } from "../lib/server/listen.ts";
import { wavHeader } from "./support/server_speech.ts";
import { ask, connect, formBody, formHead, places, readAnswer, soon, write } from "./support/server_raw.ts";
import { recording, start } from "./support/server_start.ts";

const TEXT = "I see ten yellow windows.";

/** A server that looks at the beginning of a body and then waits for its client to leave. */
async function waiting(): Promise<AsyncDisposable & { port: number; began: number; left: number }> {
  const state = { began: 0, left: 0 };
  const handler: Fetch = async (request) => {
    await request.body?.getReader().read();
    const { promise, resolve } = Promise.withResolvers<void>();
    request.signal.addEventListener("abort", () => resolve());
    state.began++;
    await promise;
    state.left++;
    return new Response();
  };
  const listener = await listen(handler, { hostname: "127.0.0.1", port: 0 });
  const dispose = () => listener.close({ withinMs: 0 });
  return Object.assign(state, { port: listener.port, [Symbol.asyncDispose]: dispose });
}

Deno.test("listen() notices a client that hangs up behind a body that nobody reads", async () => {
  await using server = await waiting();
  for (const [round, bytes] of [0, 100_000, 3_600_000].entries()) {
    const client = await connect(server);
    await write(client, formHead(50_000_000));
    await write(client, new Uint8Array(1 + bytes));
    await soon("begun", () => server.began === round + 1);
    assertEquals(server.left, round);
    client.close();
    await soon(`left after ${bytes} bytes`, () => server.left === round + 1);
  }
});

Deno.test("listen() notices a client that hangs up while it waits for its answer", async () => {
  await using server = await waiting();
  const requests = [
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    formHead(5) + "hello",
  ];
  for (const [round, request] of requests.entries()) {
    const client = await connect(server);
    await write(client, request);
    await soon("begun", () => server.began === round + 1);
    client.close();
    await soon("left", () => server.left === round + 1);
  }
});

Deno.test("listen() reads a few megabytes ahead of a body that nobody reads, not all of it", async () => {
  await using server = await waiting();
  using client = await connect(server);
  await write(client, formHead(200_000_000));
  let sent = 0, before = -1;
  const sending = (async () => {
    for (const piece = new Uint8Array(65536); sent < 200_000_000;) sent += await client.write(piece);
  })().catch(() => {});
  await soon("stalled", async () => {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return sent > 0 && sent === before;
  });
  // Four megabytes here, the rest in the system's buffers.
  assert(sent < 40_000_000, `${sent} bytes`);
  client.close();
  await sending;
});

Deno.test("listen() hands out a long body as it came, to a reader that takes its time", async () => {
  const digest = async (bytes: Uint8Array<ArrayBuffer>) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  const sent = new Uint8Array(24_000_000);
  for (let at = 0; at < sent.length; at += 65536) crypto.getRandomValues(sent.subarray(at, at + 65536));
  const handler: Fetch = async (request) => {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of request.body!) {
      pieces.push(piece);
      if (pieces.length % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return new Response(await digest(new Uint8Array(await new Blob(pieces).arrayBuffer())));
  };
  const server = await listen(handler, { hostname: "127.0.0.1", port: 0 });
  const answer = await fetch(`http://127.0.0.1:${server.port}/`, { method: "POST", body: sent });
  assertEquals(await answer.text(), await digest(sent));
  await server.close({ withinMs: 0 });
});

Deno.test("serve() frees the places of clients that hang up while their uploads are decoded", async () => {
  await using server = await start();
  // An hour in 3.6 MB: it takes much longer to decode than to send.
  const wav = new Uint8Array(44 + 3_600_000).fill(128);
  wav.set(wavHeader({ sampleRate: 1000, channels: 1, bits: 8, dataBytes: 3_600_000 }));
  const body = formBody(wav);
  const clients = await Promise.all(Array.from({ length: 8 }, async () => {
    const client = await connect(server);
    await write(client, formHead(body.length));
    await write(client, body.subarray(0, -100));
    return client;
  }));
  await soon("let in", async () => (await places(server)).waiting === 8);
  for (const client of clients) client.close();
  await soon("free", async () => (await places(server)).waiting === 0);
});

Deno.test("serve() answers clients that close their side behind the request", async () => {
  await using server = await start();
  const body = formBody(await Deno.readFile(recording("dev-01-en.wav")));
  const streamed = formBody(await Deno.readFile(recording("dev-01-en.wav")), { stream: "true" });
  const half = async (...parts: (string | Uint8Array)[]) => {
    using client = await connect(server);
    for (const part of parts) await write(client, part);
    await client.closeWrite();
    return await readAnswer(client);
  };
  assertMatch(await half("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"), /^HTTP\/1.1 200 [^]*"ok"/);
  const answer = await half(formHead(body.length), body);
  assertMatch(answer, /^HTTP\/1.1 200 /);
  assertEquals(JSON.parse(answer.split("\r\n\r\n")[1]!).text, TEXT);
  assertMatch(await half(formHead(streamed.length), streamed), /^HTTP\/1.1 200 [^]*transcript\.text\.done/);
  // A form that ends in the middle is not answered, and does not keep its place.
  await half(formHead(body.length), body.subarray(0, 1000));
  await soon("free", async () => (await places(server)).waiting === 0);
});

Deno.test("listen() answers a client that closed its side long before", async () => {
  const handler: Fetch = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return new Response("late");
  };
  const server = await listen(handler, { hostname: "127.0.0.1", port: 0 });
  using client = await connect(server);
  await write(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await client.closeWrite();
  assertMatch(await readAnswer(client), /^HTTP\/1.1 200 [^]*\r\n\r\nlate$/);
  await server.close({ withinMs: 0 });
});

Deno.test("serve() gives up a body that drips, with an answer; one that keeps the rate may take its time", async () => {
  await using server = await start({ bodyIdleSeconds: 0.4, bodyBytesPerSecond: 50_000 });
  const body = formBody(await Deno.readFile(recording("dev-01-en.wav")));
  const drip = async (bytes: number) => {
    using client = await connect(server);
    await write(client, formHead(body.length));
    let isAnswered = false;
    const answer = readAnswer(client).finally(() => isAnswered = true);
    for (let at = 0; at < body.length && !isAnswered; at += bytes) {
      await write(client, body.subarray(at, at + bytes)).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return await answer;
  };
  assertMatch(await drip(100), /^HTTP\/1.1 408 [^]*"code":"request_timeout"/);
  assertMatch(await drip(8000), new RegExp(TEXT));
  assertEquals(await places(server), { running: 0, waiting: 0 });
});

Deno.test("listen() goes on with the next request of a connection, and with those sent together", async () => {
  const handler: Fetch = async (request) =>
    new Response(new URL(request.url).pathname + await request.text());
  const server = await listen(handler, { hostname: "127.0.0.1", port: 0 });
  using client = await connect(server);
  const get = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const put = "PUT /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n:c";
  await write(client, get);
  assertMatch(await readAnswer(client), /\/a$/);
  await write(client, put + get);
  let both = await readAnswer(client);
  if (!both.endsWith("/a")) both += await readAnswer(client);
  assertMatch(both, /\r\n\r\n\/b:cHTTP\/1\.1 200 [^]*\r\n\r\n\/a$/);
  assertMatch(await ask(server, "nonsense\r\n\r\n"), /^HTTP\/1.1 400 /);
  await server.close({ withinMs: 0 });
});
