import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { liveHandles } from "../ffi/mod.ts";
import type { RunningServer } from "../lib/server/mod.ts";
import { demoModel, fileOf, formOf, post, recording, refusal, start } from "./support/server_start.ts";
import { wavHeader } from "./support/server_speech.ts";

const TEXT = "I see ten yellow windows.";

/** Sends bytes as they are and reads what comes back until the server hangs up or the answer is whole. */
async function raw(server: RunningServer, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(new TextEncoder().encode(text));
  let answer = "";
  for await (const piece of connection.readable) {
    answer += new TextDecoder().decode(piece);
    const length = /content-length: (\d+)/i.exec(answer)?.[1];
    const body = answer.split("\r\n\r\n").slice(1).join("\r\n\r\n");
    if (length !== undefined && body.length >= Number(length)) break;
  }
  return answer;
}

async function gauge(server: RunningServer, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^qwen3_asr_${name} (\\S+)$`, "m").exec(text)?.[1]);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("It did not come to be.");
}

/** A form whose file never ends. */
function endlessForm(): ReadableStream<Uint8Array> {
  const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
  const header = wavHeader({ sampleRate: 192000, channels: 8, bits: 32, dataBytes: 0xffffffff });
  let sent = false;
  return new ReadableStream({
    pull: (controller) => {
      controller.enqueue(sent ? new Uint8Array(65536) : new TextEncoder().encode(head));
      if (!sent) controller.enqueue(header);
      sent = true;
    },
  });
}

const FORM = { "content-type": "multipart/form-data; boundary=b" };

Deno.test("serve() refuses a declared size before it reads", async () => {
  await using server = await start({ maxUploadBytes: 1000 });
  const answer = await raw(
    server,
    "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n" +
      "Content-Length: 999999999\r\nExpect: 100-continue\r\n\r\n",
  );
  assertMatch(answer, /^HTTP\/1.1 413 /);
  assertMatch(answer, /"code":"body_too_large"/);
});

Deno.test("serve() refuses an endless chunked upload at its limit", async () => {
  await using server = await start({ maxUploadBytes: 3_000_000 });
  const response = await post(server, endlessForm(), { headers: FORM });
  assertEquals((await refusal(response)).code, "body_too_large");
  assertEquals(response.status, 413);
});

Deno.test("serve() gives up a body that comes too slowly, and frees its place", async () => {
  await using server = await start({ bodyIdleSeconds: 0.2, queue: 0, parallel: 1 });
  const slow = raw(
    server,
    "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n" +
      "Content-Length: 100000\r\n\r\n--b\r\n",
  );
  await until(async () => await gauge(server, "queue_waiting") === 1);
  const busy = await post(server, await formOf("dev-01-en.wav"));
  assertEquals((await refusal(busy)).status, 429);
  assert(Number(busy.headers.get("retry-after")) >= 1);
  assertMatch(await slow, /^HTTP\/1.1 408 [^]*"code":"request_timeout"/);
  assertEquals((await (await post(server, await formOf("dev-01-en.wav"))).json()).text, TEXT);
});

Deno.test("serve() refuses hours of compressed silence while it decodes them", async () => {
  const path = await Deno.makeTempFile({ suffix: ".flac" });
  try {
    const { success } = await new Deno.Command("ffmpeg", {
      args: [
        "-loglevel",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        "anullsrc=r=16000:cl=mono",
        "-t",
        "7200",
        path,
      ],
    }).output();
    assert(success);
    const bomb = await Deno.readFile(path);
    assert(bomb.length < 5_000_000, `${bomb.length} bytes for two hours`);
    await using server = await start({ maxDurationSeconds: 600 });
    const form = new FormData();
    form.append("file", new File([bomb], "silence.flac"));
    const answer = await refusal(await post(server, form));
    assertEquals([answer.status, answer.code, answer.param], [413, "audio_too_long", "file"]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("serve() ends what takes too long with 503", async () => {
  await using server = await start({ timeoutSeconds: 0.05 });
  const response = await post(server, await formOf("long-en.wav"));
  assertEquals((await refusal(response)).code, "timeout");
  assertEquals([response.status, response.headers.has("retry-after")], [503, true]);
});

Deno.test("serve() refuses bodies that are neither forms nor JSON, and JSON that is none", async () => {
  await using server = await start();
  const status = async (contentType: string, body: string) => {
    const answer = await refusal(await post(server, body, { headers: { "content-type": contentType } }));
    return [answer.status, answer.code];
  };
  assertEquals(await status("audio/wav", "RIFF"), [415, "unsupported_content_type"]);
  assertEquals(await status("application/x-www-form-urlencoded", "a=b"), [415, "unsupported_content_type"]);
  assertEquals(await status("application/json", "{"), [400, "invalid_json"]);
  assertEquals(await status("application/json", "[]"), [400, "invalid_json"]);
  assertEquals(await status("application/json", "[".repeat(100_000)), [400, "invalid_json"]);
  assertEquals(await status("application/json", `{"prompt": "${"x".repeat(300_000)}"}`), [
    413,
    "body_too_large",
  ]);
  assertEquals(await status("application/json", "{}"), [400, "missing_file"]);
  assertEquals(await status("application/json", '{"file": "data:,"}'), [400, "unknown_parameter"]);
  assertEquals(await status("multipart/form-data", ""), [400, "invalid_multipart"]);
  assertEquals(await status("multipart/form-data; boundary=b", "--b--"), [400, "missing_file"]);
});

Deno.test("serve() ignores what neighbours send and does not change the text, and says so", async () => {
  await using server = await start();
  const fields = {
    "user": "somebody\r\nx-evil: 1",
    "task": "transcribe",
    "vad_filter": "true",
    "vad_parameters[threshold]": "0.5",
    "word_timestamps": "false",
    "metadata[a]": "b",
  };
  const answer = await post(server, await formOf("dev-01-en.wav", fields));
  assertEquals([answer.status, (await answer.json()).text], [200, TEXT]);
  assertEquals(
    answer.headers.get("x-ignored-parameters"),
    "metadata, task, user, vad_filter, vad_parameters, word_timestamps",
  );
  const events = await post(server, await formOf("dev-01-en.wav", { user: "u", stream: "true" }));
  assertEquals(events.headers.get("x-ignored-parameters"), "user");
  assertMatch(await events.text(), /transcript.text.done/);
  const plain = await post(server, await formOf("dev-01-en.wav"));
  assertEquals([(await plain.json()).text, plain.headers.get("x-ignored-parameters")], [TEXT, null]);
  for (
    const [name, value, code] of [
      ["task", "translate", "not_supported"],
      ["translate", "true", "not_supported"],
      ["diarize", "1", "not_supported"],
      ["word_timestamps", "True", "not_supported"],
      ["beam_size", "5", "unknown_parameter"],
      ["condition_on_previous_text", "false", "unknown_parameter"],
      ["hotwords", "Erika", "unknown_parameter"],
      ["toString", "x", "unknown_parameter"],
    ] as const
  ) {
    const refused = await refusal(await post(server, await formOf("dev-01-en.wav", { [name]: value })));
    assertEquals([refused.status, refused.param, refused.code], [400, name, code]);
  }
});

Deno.test("serve() honours parameters on either side of the file, and refuses unknown ones", async () => {
  await using server = await start();
  for (const order of ["before", "behind"]) {
    const form = new FormData();
    if (order === "behind") form.append("file", await fileOf("dev-01-en.wav"));
    form.append("response_format", "text");
    form.append("include[]", "");
    form.append("timestamp_granularities", '["segment"]');
    form.append("timestamp_granularities[]", "segment,segment");
    if (order === "before") form.append("file", await fileOf("dev-01-en.wav"));
    assertEquals(await (await post(server, form)).text(), TEXT + "\n");
  }
  const refused = async (change: (form: FormData) => void) => {
    const form = await formOf("dev-01-en.wav");
    change(form);
    const { status, param, code } = await refusal(await post(server, form));
    return [status, param, code];
  };
  assertEquals(await refused((form) => form.append("beam_size", "5")), [
    400,
    "beam_size",
    "unknown_parameter",
  ]);
  assertEquals(
    await refused((form) => {
      form.append("model", "whisper-1");
      form.append("model", "demo");
    }),
    [400, "model", "invalid_value"],
  );
  assertEquals(await refused((form) => form.append("file", new File(["x"], "y"))), [400, "file", null]);
  assertEquals(await refused((form) => form.append("other", new File(["x"], "y"))), [
    400,
    "other",
    "unknown_parameter",
  ]);
  assertEquals(await refused((form) => form.append("stream", "maybe")), [400, "stream", "invalid_value"]);
  assertEquals(await refused((form) => form.append("temperature", "warm")), [
    400,
    "temperature",
    "invalid_value",
  ]);
});

Deno.test("serve() opens file_path below the allowed folders only, links followed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/open`);
    await Deno.mkdir(`${folder}/open-not`);
    await Deno.copyFile(recording("dev-01-en.wav"), `${folder}/open/a.wav`);
    await Deno.copyFile(recording("dev-01-en.wav"), `${folder}/secret.wav`);
    await Deno.copyFile(recording("dev-01-en.wav"), `${folder}/open-not/b.wav`);
    await Deno.symlink(`${folder}/secret.wav`, `${folder}/open/link.wav`);
    await Deno.symlink(folder, `${folder}/open/up`);
    await Deno.symlink(`${folder}/open/a.wav`, `${folder}/inside.wav`);
    await using server = await start({ allowPaths: [`${folder}/open`] });
    const ask = async (file_path: string) => {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ file_path, language: "English", response_format: "text" });
      return await post(server, body, { headers });
    };
    for (const path of ["open/a.wav", "open/../open/a.wav", "inside.wav"]) {
      assertEquals(await (await ask(`${folder}/${path}`)).text(), TEXT + "\n");
    }
    const refusals = new Set<string>();
    for (
      const path of [
        "secret.wav",
        "open/../secret.wav",
        "open/link.wav",
        "open/up/secret.wav",
        "open-not/b.wav",
        "open/nothing.wav",
        "open/a.wav\0.wav",
        "open",
        "",
      ]
    ) {
      const answer = await refusal(await ask(`${folder}/${path}`));
      assertEquals([path, answer.status, answer.param], [path, 400, "file_path"]);
      refusals.add(String(answer.message));
    }
    for (const path of ["/etc/passwd", "/dev/zero", "file:///etc/passwd", "http://127.0.0.1/", "-"]) {
      const answer = await refusal(await ask(path));
      assertEquals([path, answer.status], [path, 400]);
      refusals.add(String(answer.message));
    }
    assertEquals(refusals.size, 1, "nothing is learned from the words");
    await using closed = await start();
    const headers = { "content-type": "application/json" };
    const off = await refusal(
      await post(closed, JSON.stringify({ file_path: `${folder}/open/a.wav` }), { headers }),
    );
    assertMatch(String(off.message), /--allow-path/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("serve() writes nothing of a client into headers", async () => {
  await using server = await start();
  const evil = 'x"\r\nX-Evil: 1\r\n\r\n';
  const form = new FormData();
  form.append("model", evil);
  form.append("file", new File([await Deno.readFile(recording("dev-01-en.wav"))], evil));
  const response = await post(server, form);
  assertEquals(response.status, 404);
  assert(![...response.headers.keys()].some((name) => name.includes("evil")));
  await response.body?.cancel();
  const answer = await raw(server, "GET /v1/models/a%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assertMatch(answer, /^HTTP\/1.1 404 /);
  assert(!/^x-evil/im.test(answer));
  for (const target of ["//evil.example/", "/../../etc/passwd", "/%2e%2e/etc/passwd", "/page/../mod.ts"]) {
    assertMatch(await raw(server, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`), /^HTTP\/1.1 404 /);
  }
});

Deno.test("serve() notices a client that goes away, within the running step", async () => {
  const asr = await demoModel();
  await using server = await start({ parallel: 1, queue: 1 });
  await (await post(server, await formOf("dev-01-en.wav"))).body?.cancel();
  const before = liveHandles();
  for (const stream of ["false", "true"]) {
    const leaving = new AbortController();
    const lost = post(server, await formOf("long-en.wav", { stream }), { signal: leaving.signal })
      .then((response) => response.text());
    await until(async () => await gauge(server, "queue_running") === 1);
    leaving.abort();
    await assertRejects(() => lost);
    await until(async () => await gauge(server, "queue_running") === 0);
    // The recording needs more than a second of work: nobody did it.
    await until(() => Promise.resolve(asr.pending === 0));
    assertEquals((await (await post(server, await formOf("dev-01-en.wav"))).json()).text, TEXT);
  }
  assertEquals(await gauge(server, "requests_aborted_total"), 2);
  assertEquals(liveHandles(), before);
});

Deno.test("serve() refuses pages of other origins, and names that are not local", async () => {
  await using server = await start();
  const foreign = await post(server, await formOf("dev-01-en.wav"), {
    headers: { origin: "https://evil.example" },
  });
  assertEquals((await refusal(foreign)).status, 403);
  assertEquals(foreign.headers.get("access-control-allow-origin"), null);
  const own = await post(server, await formOf("dev-01-en.wav"), { headers: { origin: server.url } });
  assertEquals((await own.json()).text, TEXT);
  const rebound = await raw(server, "GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  assertMatch(rebound, /^HTTP\/1.1 403 [^]*host_not_allowed/);
});

Deno.test("serve() lets the named origins in, and their preflight", async () => {
  await using server = await start({ cors: ["https://app.example"], apiKeys: ["key"] });
  const origin = "https://app.example";
  const preflight = await fetch(`${server.url}/v1/audio/transcriptions`, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    },
  });
  assertEquals(preflight.status, 204);
  assertEquals(preflight.headers.get("access-control-allow-origin"), origin);
  assertEquals(preflight.headers.get("access-control-allow-headers"), "authorization");
  const refused = await post(server, await formOf("dev-01-en.wav"), { headers: { origin } });
  assertEquals([refused.status, refused.headers.get("access-control-allow-origin")], [401, origin]);
  await refused.body?.cancel();
  const other = await fetch(`${server.url}/v1/models`, {
    headers: { origin: "https://evil.example", authorization: "Bearer key" },
  });
  assertEquals(other.headers.get("access-control-allow-origin"), null);
  await other.body?.cancel();
});
