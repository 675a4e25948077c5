import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ServeOptions } from "../lib/server/mod.ts";
import { RealtimeClient, scriptedRecognizer } from "./support/realtime_client.ts";
import { connect, readAnswer, soon, write } from "./support/server_raw.ts";
import { refusal, start } from "./support/server_start.ts";

const SECOND = new Int16Array(24_000);
const COMMIT = { type: "input_audio_buffer.commit" };

async function scripted(options: ServeOptions = {}) {
  const recognizer = await scriptedRecognizer();
  return { server: await start({ model: recognizer, ...options }), model: recognizer.model };
}

async function metric(server: Awaited<ReturnType<typeof start>>, name: string): Promise<number> {
  const response = await server.handler(new Request(`${server.url}/metrics`));
  const line = (await response.text()).split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1));
}

Deno.test("a session over a socket: greeted unasked, heard, counted", async () => {
  const { server, model } = await scripted();
  await using _server = server;
  await using client = new RealtimeClient(server);
  const { session } = await client.event("session.created");
  assertEquals(session.audio.input.transcription.model, "demo");
  assertEquals(client.socket.protocol, "realtime");
  client.append(SECOND, 2400);
  client.send(COMMIT);
  const { transcript } = await client.event("completed");
  assertEquals(transcript, "Hello.");
  assertEquals(model.streams[0]!.samples, 24_000);
  assertEquals(await metric(server, "qwen3_asr_sessions_open"), 1);
  client.socket.close();
  await client.end();
  await soon("given back", async () => await metric(server, "qwen3_asr_sessions_open") === 0);
  assertEquals(await metric(server, 'qwen3_asr_sessions_total{result="opened"}'), 1);
  assertEquals(await metric(server, 'qwen3_asr_sessions_turns_total{result="completed"}'), 1);
  assertEquals(await metric(server, "qwen3_asr_sessions_audio_seconds_total"), 1);
});

Deno.test("keys come by header or by subprotocol, and are never answered", async () => {
  const { server } = await scripted({ apiKeys: ["right"] });
  await using _server = server;
  for (
    const protocols of [["realtime", "openai-insecure-api-key.right"], [
      "openai-insecure-api-key.right",
      "openai-beta.realtime-v1",
      "realtime",
    ]]
  ) {
    await using client = new RealtimeClient(server, { protocols });
    await client.event("session.created");
    assertEquals(client.socket.protocol, "realtime");
  }
  for (
    const protocols of [["realtime"], ["realtime", "openai-insecure-api-key.wrong"], [
      "realtime",
      "openai-insecure-api-key.ek_0",
    ]]
  ) {
    await using client = new RealtimeClient(server, { protocols });
    await client.end();
    assertEquals(client.events, []);
  }
  const handshake = async (header: string) => {
    using connection = await connect(server);
    await write(
      connection,
      `GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${header}` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const buffer = new Uint8Array(4096);
    const count = await connection.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  };
  const accepted = await handshake("Authorization: Bearer right\r\n");
  // The answer of RFC 6455, 1.3 to this very key.
  assertMatch(accepted, /^HTTP\/1\.1 101 .*sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/is);
  assert(!/sec-websocket-protocol/i.test(accepted));
  const refused = await handshake("Authorization: Bearer wrong\r\n");
  assertMatch(refused, /^HTTP\/1\.1 401 .*"code":"invalid_api_key"/s);
  // A key alone is no subprotocol to speak.
  const unnamed = await handshake("Sec-WebSocket-Protocol: openai-insecure-api-key.right\r\n");
  assertMatch(unnamed, /^HTTP\/1\.1 101 /);
  assert(!unnamed.includes("right"));
});

Deno.test("a client secret opens one session, with its settings, and expires", async () => {
  const { server } = await scripted({ apiKeys: ["right"] });
  await using _server = server;
  const ask = (body: object, key = "right") =>
    fetch(`${server.url}/v1/realtime/client_secrets`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });
  const session = {
    type: "transcription",
    audio: { input: { transcription: { language: "de" }, turn_detection: null } },
  };
  const answer = await ask({ expires_after: { anchor: "created_at", seconds: 60 }, session });
  const secret = await answer.json();
  assertEquals(answer.status, 200);
  assertMatch(secret.value, /^ek_[0-9a-f]{48}$/);
  assert(Math.abs(secret.expires_at - Date.now() / 1000 - 60) < 10);
  assertEquals([secret.session.object, secret.session.audio.input.transcription.language], [
    "realtime.transcription_session",
    "de",
  ]);
  const protocols = ["realtime", `openai-insecure-api-key.${secret.value}`];
  {
    await using client = new RealtimeClient(server, { protocols });
    const { session: shown } = await client.event("session.created");
    assertEquals([shown.audio.input.transcription.language, shown.audio.input.turn_detection], ["de", null]);
  }
  await using again = new RealtimeClient(server, { protocols });
  await again.end();
  assertEquals(again.events, []);
  assertEquals((await refusal(await ask({}, "wrong"))).status, 401);
  const bad = await refusal(await ask({ session: { audio: { input: { tea: 1 } } } }));
  assertEquals([bad.status, bad["code"], bad["param"]], [
    400,
    "unknown_parameter",
    "session.audio.input.tea",
  ]);
  assertEquals(
    (await refusal(await ask({ expires_after: { seconds: 1 } })))["param"],
    "expires_after.seconds",
  );
  assertEquals((await refusal(await ask([])))["code"], "invalid_json");
});

Deno.test("a page of another origin is refused without keys, one of the own or an allowed origin is not", async () => {
  const { server } = await scripted({ cors: ["http://friend.example"] });
  await using _server = server;
  const status = async (origin: string, host = `127.0.0.1:${server.port}`) => {
    using connection = await connect(server);
    await write(
      connection,
      `GET /v1/realtime HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: ${origin}\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const buffer = new Uint8Array(12);
    await connection.read(buffer);
    return new TextDecoder().decode(buffer).slice(9);
  };
  assertEquals(await status("http://evil.example"), "403");
  assertEquals(await status("http://friend.example"), "101");
  assertEquals(await status(server.url), "101");
  assertEquals(await status("http://rebound.example", "rebound.example"), "403");
});

Deno.test("what is no handshake is answered in HTTP", async () => {
  const { server } = await scripted();
  await using _server = server;
  const plain = await fetch(`${server.url}/v1/realtime`);
  assertEquals([plain.status, plain.headers.get("upgrade")], [426, "websocket"]);
  await plain.body?.cancel();
  const ask = async (head: string) => {
    using connection = await connect(server);
    await write(connection, `${head}\r\nHost: localhost\r\nConnection: Upgrade\r\n\r\n`);
    return await readAnswer(connection);
  };
  // As Java's client asks first.
  assertMatch(await ask("GET /health HTTP/1.1\r\nUpgrade: h2c"), /^HTTP\/1\.1 200 /);
  assertMatch(await ask("GET /health HTTP/1.1\r\nUpgrade: websocket"), /^HTTP\/1\.1 200 /);
  assertMatch(await ask("GET /v1/nothing HTTP/1.1\r\nUpgrade: websocket"), /^HTTP\/1\.1 404 /);
  assertMatch(await ask("GET /v1/realtime HTTP/1.1\r\nUpgrade: websocket"), /^HTTP\/1\.1 4\d\d /);
  assertEquals(await metric(server, "qwen3_asr_sessions_open"), 0);
});

Deno.test("more sessions than there are places are told so on their socket", async () => {
  const { server } = await scripted({ sessions: 1 });
  await using _server = server;
  await using first = new RealtimeClient(server);
  await first.event("session.created");
  await using second = new RealtimeClient(server);
  assertEquals((await second.event("error")).error.code, "too_many_sessions");
  assertEquals((await second.end()).code, 1013);
  assertEquals(await metric(server, 'qwen3_asr_sessions_total{result="refused"}'), 1);
});

Deno.test("an unknown model is told so on its socket", async () => {
  const { server } = await scripted();
  await using _server = server;
  await using wrong = new RealtimeClient(server, { query: "?model=gpt-9" });
  assertEquals((await wrong.event("error")).error.param, "model");
  assertEquals((await wrong.end()).code, 1008);
  await using right = new RealtimeClient(server, {
    query: "?intent=transcription&model=gpt-4o-transcribe&x=y",
  });
  const { session } = await right.event("session.created");
  assertEquals(session.audio.input.transcription.model, "gpt-4o-transcribe");
});

Deno.test("a session ends when it has lasted too long", async () => {
  const { server } = await scripted({ sessionSeconds: 0.5 });
  await using _server = server;
  await using client = new RealtimeClient(server);
  assertEquals((await client.event("error")).error.code, "session_expired");
  assertEquals((await client.end()).code, 1000);
});

Deno.test("garbage is an error or a close code, and the server goes on", async () => {
  const { server } = await scripted();
  await using _server = server;
  await using client = new RealtimeClient(server);
  await client.event("session.created");
  client.socket.send(new Uint8Array(1000));
  client.socket.send("no JSON");
  client.socket.send("[".repeat(100_000));
  client.send({ type: "input_audio_buffer.append", audio: "-" });
  await client.until("four errors", () => client.events.filter(({ type }) => type === "error").length === 4);
  // The largest event there may be: 15 MiB, in one piece.
  client.send({ type: "session.update", session: { audio: { input: { turn_detection: null } } } });
  client.append(new Int16Array(7.5 * 2 ** 20));
  client.send({ ...COMMIT, event_id: "last" });
  assertEquals((await client.event("completed")).usage.seconds, 7.5 * 2 ** 20 / 24_000);
  client.socket.send("x".repeat(22 * 2 ** 20));
  assertEquals((await client.end()).code, 1009);
  const raw = async (frame: Uint8Array) => {
    using connection = await connect(server);
    await write(
      connection,
      "GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await write(connection, frame);
    const got: number[] = [];
    const buffer = new Uint8Array(4096);
    for (let count; (count = await connection.read(buffer)) !== null;) got.push(...buffer.subarray(0, count));
    // The last frame: close, with a code.
    return got.at(-2)! * 256 + got.at(-1)!;
  };
  // Text that is not UTF-8 (1007), not masked (1002), of no known kind (1002).
  assertEquals(await raw(Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 0xff)), 1007);
  assertEquals(await raw(Uint8Array.of(0x81, 0x01, 0x41)), 1002);
  assertEquals(await raw(Uint8Array.of(0x8f, 0x80, 0, 0, 0, 0)), 1002);
  assertEquals((await fetch(`${server.url}/health`).then((response) => response.json())).status, "ok");
  await soon("given back", async () => await metric(server, "qwen3_asr_sessions_open") === 0);
});

Deno.test("a client that goes away gives everything back", async () => {
  const { server, model } = await scripted();
  await using _server = server;
  await using client = new RealtimeClient(server);
  await client.event("session.created");
  client.append(SECOND);
  await soon("heard", () => model.streams.length === 1);
  client.socket.close();
  await soon("disposed", () => model.streams[0]!.isDisposed);
});

Deno.test("a server that closes lets sessions tell what they have heard", async () => {
  const { server } = await scripted();
  await using client = new RealtimeClient(server);
  await client.event("session.created");
  client.append(SECOND);
  await client.until("open", () => true);
  client.send({ type: "session.update", session: {} });
  await client.event("session.updated");
  client.append(SECOND);
  client.send({ type: "session.update", session: { include: ["qwen3_asr.tentative"] } });
  await client.until(
    "both updated",
    () => client.events.filter(({ type }) => type === "session.updated").length === 2,
  );
  client.append(SECOND);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server.close({ graceSeconds: 5 });
  assertEquals((await client.event("completed")).transcript, "Hello.");
  assertEquals((await client.end()).code, 1001);
});

Deno.test("a client that does not read is cut off, and others are heard meanwhile", async () => {
  const { server, model } = await scripted();
  await using _server = server;
  using connection = await connect(server);
  await write(
    connection,
    "GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  // A masked frame: a second of sound.
  const event = JSON.stringify({ type: "input_audio_buffer.append", audio: new Uint8Array(480).toBase64() });
  const length = event.length;
  await write(connection, Uint8Array.of(0x81, 0x80 | 126, length >> 8, length & 255, 0, 0, 0, 0));
  await write(connection, event);
  await soon("heard", () => model.streams.length === 1);
  await using other = new RealtimeClient(server);
  await other.event("session.created");
  model.streams[0]!.say({ type: "speech-start" });
  const text = "la ".repeat(100_000);
  for (let said = 0; said < 100 && !model.streams[0]!.isDisposed; said++) {
    model.streams[0]!.say({ type: "committed", text });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await soon("cut off", () => model.streams[0]!.isDisposed);
  other.append(SECOND);
  other.send(COMMIT);
  assertEquals((await other.event("completed")).transcript, "Hello.");
  assertEquals(await metric(server, "qwen3_asr_sessions_open"), 1);
});

Deno.test("appending after the end of a session is answered by nobody, and harms nobody", async () => {
  const { server } = await scripted({ sessionSeconds: 0.3 });
  await using _server = server;
  await using client = new RealtimeClient(server);
  await client.event("error");
  client.append(SECOND);
  assertEquals((await client.end()).code, 1000);
  assertEquals(client.events.at(-1).error.code, "session_expired");
});
