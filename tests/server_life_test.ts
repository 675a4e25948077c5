import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import parsePrometheus from "parse-prometheus-text-format";
import { createHandler, serve } from "../lib/server/mod.ts";
import { ModelError, OptionError, Qwen3ASR } from "../mod.ts";
import { excerpt } from "./support/server_speech.ts";
import { formOf, post, refusal, start } from "./support/server_start.ts";

const TEXT = "I see ten yellow windows.";

interface Family {
  name: string;
  type: string;
  metrics: { value?: string; count?: string; labels?: Record<string, string> }[];
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("It did not come to be.");
}

async function ask(body?: FormData): Promise<Request> {
  body ??= await formOf("dev-01-en.wav");
  return new Request("http://localhost/v1/audio/transcriptions", { method: "POST", body });
}

/** A form with fifteen seconds of sentences. */
async function talk(parameters: Record<string, string>): Promise<FormData> {
  const form = new FormData();
  for (const [key, value] of Object.entries(parameters)) form.append(key, value);
  form.append("file", new File([await excerpt("long-en.wav", 15)], "talk.wav"));
  return form;
}

Deno.test("createHandler() frees a model that nobody asks for, and loads it again on demand", async () => {
  const loaded: Qwen3ASR[] = [];
  const load = async () => {
    loaded.push(await Qwen3ASR.load("demo"));
    return loaded.at(-1)!;
  };
  await using handler = createHandler(load, { keepAliveSeconds: 0.05 });
  const ready = async () => await (await handler(new Request("http://localhost/ready"))).json();
  assertEquals((await (await handler(await ask())).json()).text, TEXT);
  await until(async () => (await ready()).model === "idle");
  assertEquals((await ready()).status, "ready");
  await assertRejects(() => loaded[0]!.transcribe("x.wav"), ModelError, "disposed");
  assertEquals((await (await handler(await ask())).json()).text, TEXT);
  assertEquals(loaded.length, 2);
});

Deno.test("createHandler() keeps the model while somebody uses it", async () => {
  let loads = 0;
  const load = () => {
    loads++;
    return Qwen3ASR.load("demo");
  };
  await using handler = createHandler(load, { keepAliveSeconds: 0 });
  const answers = await Promise.all([
    handler(await ask(await talk({ response_format: "text" }))),
    handler(await ask()),
  ]);
  const [long = "", short = ""] = await Promise.all(answers.map((answer) => answer.text()));
  assertMatch(long, /^Sunday is a warm day, Peter\. John works/);
  assertEquals(JSON.parse(short).text, TEXT);
  assertEquals(loads, 1);
});

Deno.test("createHandler() answers 503 while the model cannot be loaded, and tries again", async () => {
  let works = false;
  const lines: string[] = [];
  const load = async () => {
    if (!works) throw new ModelError("The disk is at home.");
    return await Qwen3ASR.load("demo");
  };
  await using handler = createHandler(load, { log: (line) => lines.push(line) });
  const ready = () => handler(new Request("http://localhost/ready"));
  assertEquals((await ready()).status, 503);
  const response = await handler(await ask());
  assertEquals(response.headers.has("retry-after"), true);
  const answer = await refusal(response);
  assertEquals([answer.status, answer.code], [503, "model_not_loaded"]);
  assert(!JSON.stringify(answer).includes("disk"), "the inside stays inside");
  assert(lines.some((line) => line.includes("The disk is at home.")));
  works = true;
  await until(async () => (await ready()).status === 200);
  assertEquals((await (await handler(await ask())).json()).text, TEXT);
});

Deno.test("createHandler() says nothing of accidents but that there was one", async () => {
  const lines: string[] = [];
  await using asr = await Qwen3ASR.load("demo");
  const broken = {
    info: asr.info,
    transcribe: () => Promise.reject(new Error("secret of the house")),
    stream: asr.stream.bind(asr),
    close: () => Promise.resolve(),
  };
  await using handler = createHandler(broken, { log: (line) => lines.push(line) });
  const answer = await refusal(await handler(await ask()));
  assertEquals([answer.status, answer.type, answer.code], [500, "server_error", "internal_error"]);
  assert(!JSON.stringify(answer).includes("secret"));
  assert(lines.some((line) => line.includes("secret of the house")));
});

Deno.test("close() lets what runs finish, streams included, and refuses what comes", async () => {
  const server = await start();
  const running = await post(server, await talk({ stream: "true" }));
  const closing = server.close();
  const refused = await server.handler(await ask());
  assertEquals((await refusal(refused)).code, "shutting_down");
  assertEquals([refused.status, refused.headers.has("retry-after")], [503, true]);
  const events = (await running.text()).trim().split("\n\n").map((line) => JSON.parse(line.slice(6)));
  assertEquals(events.at(-1).type, "transcript.text.done");
  assertMatch(events.at(-1).text, /^Sunday is a warm day/);
  await closing;
  await assertRejects(() => fetch(server.url));
});

Deno.test("close() ends what does not finish in time, with 503", async () => {
  const server = await start();
  const running = post(server, await formOf("long-en.wav"));
  await until(async () => /queue_running 1/.test(await (await fetch(`${server.url}/metrics`)).text()));
  await server.close({ graceSeconds: 0 });
  assertEquals((await refusal(await running)).code, "shutting_down");
});

Deno.test("/health lives before there is a model; other methods and addresses are refused", async () => {
  await using handler = createHandler(() => Promise.reject(new Error("none")));
  const get = (path: string, method = "GET") => handler(new Request(`http://localhost${path}`, { method }));
  assertEquals(await (await get("/health")).json(), { status: "ok" });
  const wrong = await get("/v1/audio/transcriptions");
  assertEquals([wrong.status, wrong.headers.get("allow")], [405, "POST"]);
  assertEquals((await get("/v1/audio/speech", "POST")).status, 404);
  assertEquals((await get("/health", "DELETE")).status, 405);
});

Deno.test("/metrics is read by Prometheus' grammar, and counts what happened", async () => {
  await using server = await start({ apiKeys: ["key"] });
  const headers = { authorization: "Bearer key" };
  await (await post(server, await formOf("dev-01-en.wav"), { headers })).json();
  await (await post(server, await formOf("dev-01-en.wav", { stream: "true" }), { headers })).text();
  await (await post(server, await formOf("dev-01-en.wav"))).json();
  assertEquals((await fetch(`${server.url}/metrics`)).status, 401);
  const response = await fetch(`${server.url}/metrics`, { headers });
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const parsed: Family[] = parsePrometheus(await response.text());
  const families = new Map(parsed.map((family) => [family.name, family]));
  const value = (name: string, labels?: Record<string, string>) => {
    const metric = families.get(name)?.metrics.find((one) =>
      Object.entries(labels ?? {}).every(([key, text]) => one.labels?.[key] === text)
    );
    return Number(metric?.value);
  };
  const route = "/v1/audio/transcriptions";
  assertEquals(value("qwen3_asr_requests_total", { route, status: "200" }), 2);
  assertEquals(value("qwen3_asr_requests_total", { route, status: "401" }), 1);
  // Two recordings of 47,019 samples: 38 audio tokens each.
  assert(Math.abs(value("qwen3_asr_audio_seconds_total") - 2 * 2.938_687_5) < 0.01);
  assertEquals(value("qwen3_asr_tokens_total", { kind: "audio" }), 76);
  assertEquals(families.get("qwen3_asr_real_time_factor")?.type, "HISTOGRAM");
  assertEquals(families.get("qwen3_asr_real_time_factor")?.metrics[0]?.count, "2");
  assertEquals(value("qwen3_asr_queue_waiting"), 0);
  assertEquals(value("qwen3_asr_model_loaded"), 1);
  assert(value("process_resident_memory_bytes") > 50e6);
  assert(value("qwen3_asr_mlx_peak_memory_bytes") > 1e6);
});

Deno.test("serve() says what is wrong with its options", async () => {
  await using server = await start();
  await assertRejects(() => start({ port: server.port }), OptionError, "Cannot listen at 127.0.0.1:");
  await assertRejects(() => start({ port: 70000 }), OptionError, "0 to 65535");
  await assertRejects(() => serve({ model: "no-such-model", port: 0 }), Error, "no-such-model");
  for (
    const options of [{ queue: -1 }, { parallel: 0 }, { maxUploadBytes: 0 }, { apiKeys: [""] }, {
      cors: ["evil"],
    }]
  ) {
    assertThrows(() => createHandler(() => Promise.reject(new Error()), options), OptionError);
  }
});

Deno.test("close() does not wait for connections that clients keep for later", async () => {
  const server = await start();
  const asked = await post(server, await talk({ stream: "true" }));
  assertMatch(await asked.text(), /transcript\.text\.done/);
  let isClosed = false;
  const closing = server.close().then(() => isClosed = true);
  await until(() => isClosed);
  await closing;
  await assertRejects(() => fetch(server.url));
});
