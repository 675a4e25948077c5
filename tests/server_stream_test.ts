import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TranscriptEvent } from "../mod.ts";
import type { Recognizer, RunningServer } from "../lib/server/mod.ts";
import { connect, formBody, formHead, places, soon, write } from "./support/server_raw.ts";
import { demoModel, formOf, post, recording, start } from "./support/server_start.ts";

/** A recogniser that says more than any connection holds unread. */
async function talkative(megabytes: number): Promise<Recognizer & { said: number; ended: number }> {
  const asr = await demoModel();
  const text = "la ".repeat(20_000);
  const recognizer = {
    info: asr.info,
    transcribe: asr.transcribe.bind(asr),
    close: () => Promise.resolve(),
    said: 0,
    ended: 0,
    async *stream(
      ...[source, options]: Parameters<Recognizer["stream"]>
    ): AsyncGenerator<TranscriptEvent, void> {
      try {
        for (let sent = 0; sent < megabytes * 1e6; sent += text.length) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          options?.signal?.throwIfAborted();
          recognizer.said++;
          yield { type: "delta", chunkIndex: 0, text };
        }
        yield { type: "done", transcript: await asr.transcribe(source, options) };
      } finally {
        recognizer.ended++;
      }
    },
  };
  return recognizer;
}

/** Asks for a stream and reads no more than its first bytes. */
async function askAndLook(server: RunningServer): Promise<Deno.TcpConn> {
  const body = formBody(await Deno.readFile(recording("dev-01-en.wav")), { stream: "true" });
  const connection = await connect(server);
  await write(connection, formHead(body.length));
  await write(connection, body);
  const head = new Uint8Array(15);
  await connection.read(head);
  assertEquals(new TextDecoder().decode(head), "HTTP/1.1 200 OK");
  return connection;
}

/** Waits until nothing more goes into the connections. */
async function stalled(model: { said: number }): Promise<void> {
  await soon("stalled", async () => {
    const { said } = model;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return said > 0 && model.said === said;
  });
}

Deno.test("serve() ends a stream at the time limit, also when its client does not read", async () => {
  const model = await talkative(Infinity);
  await using server = await start({ model, parallel: 2, timeoutSeconds: 2 });
  using _first = await askAndLook(server);
  using _second = await askAndLook(server);
  assertEquals((await places(server)).running, 2);
  await soon("free places", async () => (await places(server)).running === 0);
  await soon("the end of the work", () => model.ended === 2);
});

Deno.test("close() ends streams whose clients do not read when its grace is over", async () => {
  const model = await talkative(Infinity);
  const server = await start({ model, parallel: 2 });
  using _first = await askAndLook(server);
  using _second = await askAndLook(server);
  await stalled(model);
  let isClosed = false;
  const closing = server.close({ graceSeconds: 0.2 }).then(() => isClosed = true);
  await soon("closed", () => isClosed);
  await closing;
  assertEquals(model.ended, 2);
});

Deno.test("close() with less grace shortens one that waits already", async () => {
  const model = await talkative(Infinity);
  const server = await start({ model });
  using _client = await askAndLook(server);
  await stalled(model);
  let closed = 0;
  const closings = [server.close({ graceSeconds: 3600 }), server.close({ graceSeconds: 0 })]
    .map((closing) => closing.then(() => closed++));
  await soon("closed", () => closed === 2);
  await Promise.all(closings);
});

Deno.test("serve() frees the place of a stream when its work is done, however slowly its client reads", async () => {
  const model = await talkative(7);
  await using server = await start({ model, parallel: 1 });
  using client = await askAndLook(server);
  await soon("a free place", async () => (await places(server)).running === 0);
  assertEquals(model.ended, 1);
  let text = "";
  for await (const piece of client.readable.pipeThrough(new TextDecoderStream())) {
    text = text.slice(-1000) + piece;
    if (/\r\n0\r\n\r\n$/.test(text)) break;
  }
  assertMatch(text, /"type":"transcript\.text\.done","text":"I see ten yellow windows\."/);
});

Deno.test("serve() tells a client that reads why its stream ends", async () => {
  await using server = await start({ model: await talkative(Infinity), timeoutSeconds: 1 });
  const response = await post(server, await formOf("dev-01-en.wav", { stream: "true" }));
  const events = (await response.text()).trim().split("\n\n");
  assert(events.length > 1);
  assertEquals(JSON.parse(events.at(-1)!.slice(6)).error.code, "timeout");
});
